import { dateTimeOf } from "../../../common/date-time.ts";
import { badInput } from "../../../common/errors.ts";
import type { PackedJson } from "../../../common/packed.ts";
import type { Sql } from "../../../common/sql.ts";
import type { Stream } from "../stream/store.ts";
import type {
  EventPageArgs,
  InterpolatedArgs,
  LttbArgs,
  Part,
  PlotArgs,
  SummariesArgs,
  SummaryKind,
  Unit,
  ValueKind,
} from "./asked.ts";
import { conditionOf } from "./filter/condition.ts";
import { parseFilter } from "./filter/syntax.ts";
import type { EdgeStore } from "./edge-store.ts";
import { interpolationRead } from "./interpolation-store.ts";
import { largestTriangles } from "./largest-triangles.ts";
import type { LimitStore } from "./limit-store.ts";
import { assertPoints, tooManyPoints, type ReadLimits } from "./limits.ts";
import { eventsAtRead, pointsIn, pointsRead } from "./lttb-store.ts";
import { asCells, asJson, type Packing } from "./packing-store.ts";
import { pageRead } from "./page-store.ts";
import { EventPage } from "./page.ts";
import { plotRead } from "./plot-store.ts";
import { stored, type Filter } from "./read-store.ts";
import type { RowStore, Rows } from "./row-store.ts";
import { isNumeric, isUsual, type ReadSlot, type Slot } from "./shape.ts";
import type { SlotStore } from "./slot-store.ts";
import { summaryRead } from "./summary-store.ts";
import {
  areUsual,
  inOneOrder,
  summariesOf,
  summaryColumn,
  type Summarized,
} from "./summary.ts";
import { askedFor, type TableRequest } from "./table.ts";
import { assertRows, spanOf, windowFrom } from "./times.ts";
import { inUnit } from "./unit.ts";
import { mostValues } from "./value-budget.ts";

/** Rows as columns; null or absent is what was not asked for. */
export interface EventTable<Packed = PackedJson> {
  readonly rowCount: number;
  readonly hasNextPage: boolean;
  readonly timestamps: Packed | null;
  readonly endCursor: string | null;
  readonly columns: readonly Column<Packed>[];
  /** Where the same read is a file, if it is one; its format is to be added. */
  readonly file?: () => string | null;
}

export interface Column<Packed = PackedJson> {
  readonly name: string;
  /** In a join. */
  readonly stream?: Stream;
  readonly property: string;
  readonly summary: SummaryKind | null;
  readonly kind: ValueKind;
  readonly uom: string | null;
  readonly values: Packed | undefined;
}

const whole: Part = { skip: 0, take: Infinity };

/** Of a stream that is to be read: its properties, those that are asked for as they are, and what limits the read. */
interface Begun {
  readonly slots: readonly ReadSlot[];
  readonly asked: readonly ReadSlot[];
  readonly limits: ReadLimits;
}

/** How summaries are read, whatever the stream. */
interface SummaryRead {
  readonly summaries: readonly Summarized[];
  /** These in the order in which the statement has them. */
  readonly computed: readonly Summarized[];
  readonly rowCount: number;
  readonly hasNextPage: boolean;
  readonly sql: Sql;
  readonly isUsual: boolean;
}

/** Every way of reading one stream's events as a table, as far as one viewer may. */
export class TableStore<Packed> {
  constructor(
    private readonly rows: RowStore,
    private readonly slots: SlotStore,
    private readonly edges: EdgeStore,
    private readonly limits: LimitStore,
    private readonly packing: Packing<Packed>,
  ) {}

  /** Stored events. */
  async stored(
    stream: Stream,
    args: EventPageArgs & Unit,
    request: TableRequest,
  ): Promise<EventTable<Packed>> {
    const { slots, asked, limits } = await this.begin(stream, request, args);
    const page = new EventPage(stream.id, args, limits.rows);
    const rows = await this.rows.read({
      streamId: stream.id,
      packing: this.packing,
      sql: pageRead(
        slots,
        asked,
        page,
        request,
        filterFrom(args, slots, limits),
        this.packing,
      ),
      maxRows: page.size,
      ...{ computedRows: 0, columns: 1 + asked.length },
      isUsual: args.filter == null && isUsual(asked),
      noted: { kind: "EVENTS", ...args.window },
      limits,
    });
    return {
      rowCount: Math.min(rows.count, page.size),
      hasNextPage: rows.count > page.size,
      timestamps: rows.timestamps,
      endCursor: rows.end === null ? null : page.cursor(rows.end),
      columns: columnsOf(asked, rows),
    };
  }

  /** Computed events. */
  async interpolated(
    stream: Stream,
    args: InterpolatedArgs,
    request: TableRequest,
    { skip, take }: Part = whole,
  ): Promise<EventTable<Packed>> {
    const { slots, asked, limits } = await this.begin(stream, request, args);
    const all = await this.edges.timesOf(args, limits);
    const times = all.slice(skip, skip + take);
    const rows = await this.rows.read({
      streamId: stream.id,
      packing: this.packing,
      sql: interpolationRead(slots, asked, times, this.packing),
      maxRows: times.length,
      ...{ computedRows: times.length, columns: 1 + asked.length },
      isUsual: isUsual(asked),
      noted: { kind: "INTERPOLATED", ...spanOf(times) },
      limits,
    });
    return {
      ...wholeTable(rows, columnsOf(asked, rows)),
      hasNextPage: skip + take < all.length,
    };
  }

  /** One row an interval. */
  async summaries(
    stream: Stream,
    args: SummariesArgs,
    request: TableRequest,
    part: Part = whole,
  ): Promise<EventTable<Packed>> {
    const begun = await this.begin(stream, request, args);
    const edges = await this.edges.of(args, begun.limits);
    const { summaries, computed, rowCount, hasNextPage, ...read } =
      this.summaryOf(begun, args, edges, part);
    const rows = await this.rows.read({
      streamId: stream.id,
      packing: this.packing,
      ...read,
      maxRows: rowCount,
      ...{ computedRows: rowCount, columns: 1 + summaries.length },
      noted: { kind: "SUMMARIES", ...args.window },
      limits: begun.limits,
    });
    assertPoints(rows.count, begun.limits);
    const columns = summaries.map((summary) => ({
      ...summaryColumn(summary),
      values: rows.columns[computed.indexOf(summary)],
    }));
    return {
      ...wholeTable({ ...rows, count: rowCount }, columns),
      hasNextPage,
    };
  }

  /** The events to draw. */
  async plot(
    stream: Stream,
    args: PlotArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const { window, width } = args;
    const { slots, asked, limits } = await this.begin(stream, request, args);
    // The times alone are those of what draws all properties.
    const drawn = asked.length > 0 ? asked : slots;
    const within = windowFrom(window);
    const edges = await this.edges.even(within, width, limits, "width");
    const rows = await this.rows.read({
      streamId: stream.id,
      packing: asJson,
      sql: plotRead(drawn, edges, limits.points),
      maxRows: 4 * width * drawn.length,
      ...{ computedRows: width * drawn.length, columns: 1 + asked.length },
      isUsual: isUsual(drawn),
      noted: { kind: "PLOT", ...window },
      limits,
    });
    assertPoints(passedIn(rows), limits);
    return wholeTable(rows, columnsOf(asked, rows));
  }

  /** The events to draw that keep the shape of the first number that is asked for. */
  async lttb(
    stream: Stream,
    args: LttbArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const { window, points } = args;
    const { slots, asked, limits } = await this.begin(stream, request, args);
    assertRows(points, limits.rows, "points", "Ask for fewer points.");
    const { from, to } = windowFrom(window);
    const slot = (asked.length > 0 ? asked : slots).find(({ kind }) =>
      isNumeric(kind),
    );
    if (!slot)
      throw badInput(
        "Only numbers have a shape to keep, and none is asked for. Use plot.",
        "points",
      );
    // Each is held in memory, as its time and its value, beside what is handed out.
    const columns = 1 + asked.length;
    const room = Math.max(mostValues(limits) - points * columns, 0);
    const most = Math.min(limits.points, Math.floor(room / 2));
    const all = await this.rows.read({
      streamId: stream.id,
      packing: asCells,
      sql: pointsRead(
        slot,
        { from: dateTimeOf(from), to: dateTimeOf(to) },
        most,
      ),
      maxRows: most,
      ...{ computedRows: 0, columns: 2 },
      isUsual: isUsual([slot]),
      noted: { kind: "LTTB", ...window },
      isChoosing: true,
      limits,
    });
    const [times, values] = pointsIn(all);
    const chosen = await largestTriangles(times, values, points);
    const rows = await this.rows.read({
      streamId: stream.id,
      packing: asJson,
      sql: eventsAtRead(
        asked,
        chosen.map((i) => dateTimeOf(times[i] as number)),
      ),
      maxRows: points,
      ...{ computedRows: points, columns },
      isUsual: isUsual(asked),
      noted: { kind: "LTTB", ...window },
      limits,
    });
    // Asked last: that there are more events is told to nobody who leaves no record.
    if (all.count > most)
      throw tooManyPoints(
        all.count,
        most,
        "Ask for a part of the window, or for plot, which goes through more.",
      );
    return wholeTable(rows, columnsOf(asked, rows));
  }

  /** The properties that a read shows, as it shows them. */
  async shown(
    stream: Stream,
    request: TableRequest,
    unit: Unit,
  ): Promise<readonly ReadSlot[]> {
    const { asked } = await this.begin(stream, request, unit);
    return asked;
  }

  private readonly summaryReads = new Map<string, SummaryRead>();

  /** Made once for all streams of a request that have the same properties, as those of a list mostly do. */
  private summaryOf(
    { slots, asked, limits }: Begun,
    args: SummariesArgs,
    all: readonly string[],
    { skip, take }: Part,
  ): SummaryRead {
    const key = JSON.stringify([slots, asked, args, skip, take]);
    const made = this.summaryReads.get(key);
    if (made) return made;
    const edges = all.slice(skip, skip + take + 1);
    const hasNextPage = skip + take + 1 < all.length;
    const summaries = asked.flatMap((slot) => summariesOf(slot, args.kinds));
    const computed = inOneOrder(summaries);
    const read = {
      ...{ summaries, computed, rowCount: edges.length - 1, hasNextPage },
      sql: summaryRead(
        computed,
        edges,
        hasNextPage ? "open" : "closed",
        filterFrom(args, slots, limits),
        limits.points,
        this.packing,
      ),
      isUsual: args.filter == null && isUsual(asked) && areUsual(summaries),
    };
    this.summaryReads.set(key, read);
    return read;
  }

  private async begin(
    stream: Stream,
    request: TableRequest,
    { uom }: Unit,
  ): Promise<Begun> {
    this.rows.announceTable();
    const [slots, limits] = await Promise.all([
      this.slots.of(stream),
      this.limits.get(),
    ]);
    return { slots, asked: inUnit(askedFor(request, slots), uom), limits };
  }
}

const filterFrom = (
  { filter }: { filter?: string | null },
  slots: readonly Slot[],
  { points: maxPoints }: ReadLimits,
): Filter | null =>
  filter == null
    ? null
    : { condition: conditionOf(parseFilter(filter), slots, stored), maxPoints };

/** How many events a read went through, which it tells behind its columns. */
const passedIn = ({ columns }: Rows): number => Number(columns.at(-1)?.text);

const wholeTable = <Packed>(
  rows: Rows<Packed>,
  columns: readonly Column<Packed>[],
): EventTable<Packed> => ({
  rowCount: rows.count,
  hasNextPage: false,
  timestamps: rows.timestamps,
  endCursor: null,
  columns,
});

const columnsOf = <Packed>(
  asked: readonly ReadSlot[],
  { columns }: Rows<Packed>,
): Column<Packed>[] =>
  asked.map(({ name, kind, uom }, i) => ({
    name,
    property: name,
    summary: null,
    kind,
    uom,
    values: columns[i],
  }));
