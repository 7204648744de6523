import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { PackedJson } from "../../../common/packed.ts";
import { plain, sql, type Sql } from "../../../common/sql.ts";
import type { Stream } from "../stream/store.ts";
import type { TrendArgs, ValueKind } from "./asked.ts";
import type { EdgeStore } from "./edge-store.ts";
import type { LimitStore } from "./limit-store.ts";
import { assertPoints, assertStreams } from "./limits.ts";
import type { ManyStreamsStore } from "./many-streams-store.ts";
import { drawn, intervals, keptToDraw, type Kept } from "./plot-store.ts";
import { asJson } from "./packing-store.ts";
import { communityOf, packed, shown, stored } from "./read-store.ts";
import type { RowStore, Rows } from "./row-store.ts";
import { isNumeric, isUsual, type ReadSlot, type Value } from "./shape.ts";
import type { SlotStore } from "./slot-store.ts";
import { propertyOf } from "./table.ts";
import { windowFrom } from "./times.ts";
import { inUnit } from "./unit.ts";

/** One stream of a trend: a property of it as it is drawn, and what is written beside it. */
export interface TrendLine extends Omit<Beside, "passed"> {
  readonly stream: Stream;
  readonly property: string;
  readonly kind: ValueKind;
  readonly uom: string | null;
  readonly timestamps: PackedJson | null;
  readonly values: PackedJson;
}

/** What is written beside a line, as the text behind its column has it. */
interface Beside {
  /** How many events were gone through. */
  readonly passed: number;
  readonly rowCount: number;
  readonly communityId: string | null;
  readonly lastAt: string | null;
  readonly lastValue: Value;
  readonly count: number;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly mean: number | null;
}

/** Streams to be drawn on one axis of time, as far as one viewer may read them. */
export class TrendStore {
  constructor(
    private readonly rows: RowStore,
    private readonly slots: SlotStore,
    private readonly edges: EdgeStore,
    private readonly many: ManyStreamsStore,
    private readonly limits: LimitStore,
  ) {}

  /** An error stands in the place of a stream that cannot be read. */
  async draw(input: TrendArgs): Promise<Promise<TrendLine>[]> {
    assertPaired(input);
    const limits = await this.limits.get();
    const { streamIds, window, width } = input;
    const pixels = width * streamIds.length;
    if (pixels > limits.rows)
      throw limitExceeded(
        "pixels of all streams a trend",
        limits.rows,
        pixels,
        "Draw fewer streams, or less wide.",
        "input.width",
      );
    const edges = await this.edges.even(
      windowFrom(window, "input.window"),
      width,
      limits,
      "input.width",
    );
    const line = async (stream: Stream, i: number): Promise<TrendLine> => {
      this.rows.announceTable();
      const slot = slotOf(await this.slots.of(stream), input, i);
      const rows = await this.rows.read({
        streamId: stream.id,
        packing: asJson,
        sql: trendRead(slot, edges, limits.points),
        // With the last event.
        maxRows: 4 * width + 1,
        ...{ computedRows: width, columns: 2 },
        isUsual: isUsual([slot]),
        noted: { kind: "TREND", ...window },
        limits,
      });
      const { passed, ...beside } = besideIn(rows);
      assertPoints(passed, limits, "input.window");
      return {
        ...{ stream, property: slot.name, kind: slot.kind, uom: slot.uom },
        timestamps: rows.timestamps,
        values: rows.columns[0] as PackedJson,
        ...beside,
      };
    };
    assertStreams(streamIds, limits, "input.streamIds");
    return this.many.inTheirPlaces(streamIds, line, "input.streamIds");
  }
}

/** What is said of each stream is said of as many as there are. */
function assertPaired({ streamIds, properties, uom, uoms }: TrendArgs): void {
  for (const [name, each] of Object.entries({ properties, uoms }))
    if (each != null && each.length !== streamIds.length)
      throw badInput(
        `${each.length} ${name} for ${streamIds.length} streams. Give one for each, null for its own.`,
        `input.${name}`,
      );
  if (uom != null && uoms != null)
    throw badInput(
      "Give one unit for all streams, or one for each.",
      "input.uoms",
    );
}

/** What is drawn of the stream at a place. */
function slotOf(
  slots: readonly ReadSlot[],
  { properties, uom, uoms }: TrendArgs,
  i: number,
): ReadSlot {
  const name = properties?.[i] ?? slots[0]?.name ?? "";
  const slot = propertyOf(name, slots, `input.properties.${i}`);
  const [measured = slot] = inUnit(
    [slot],
    uoms ? uoms[i] : uom,
    uoms ? `input.uoms.${i}` : "input.uom",
  );
  return measured;
}

const besideIn = ({ columns }: Rows): Beside =>
  JSON.parse(columns[1]?.text ?? "") as Beside;

const kept = (slot: ReadSlot): Kept => ({
  ...keptToDraw(slot),
  count: ["bigint", (v) => `count(${v})`],
  ...(isNumeric(slot.kind) && { total: ["float8", (v) => `sum(${v})`] }),
});

/**
 * What draws a property, as `plotRead` has it, and what is written beside it, found on the same way through the events.
 * The last event, which is handed out, too, is counted with those that are drawn.
 */
function trendRead(
  slot: ReadSlot,
  edges: readonly string[],
  maxPoints: number,
): Sql {
  const numbers = plain(
    isNumeric(slot.kind)
      ? "'minimum', min(least0), 'maximum', max(greatest0), 'mean', sum(total0) / nullif(sum(count0), 0)"
      : "'minimum', null, 'maximum', null, 'mean', null",
  );
  return sql`
    with recursive ${intervals([slot], edges, maxPoints, kept)}
    select r.count + (l.ts is not null)::int, r.timestamps, null::timestamptz, r.values, (
      select json_build_object('passed', max(passed), 'rowCount', r.count, 'communityId', ${communityOf}, 'lastAt', l.ts,
                               'lastValue', ${shown(slot, stored(slot, "l"))}, 'count', coalesce(sum(count0), 0), ${numbers})::text
      from intervals
    )
    from (
      select count(*)::int as count, ${packed(plain("r.ts"))} as timestamps, ${packed(plain("r.c0"))} as values
      from (${drawn([slot])}) r
    ) r`;
}
