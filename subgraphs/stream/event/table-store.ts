import { dateTimeOf, microsOf } from "../../../common/date-time.ts";
import { badInput, limitExceeded, notFound } from "../../../common/errors.ts";
import type { PackedJson } from "../../../common/packed.ts";
import type { Sql } from "../../../common/sql.ts";
import type {
  QueryStreamJoinArgs,
  StreamInterpolatedArgs,
  StreamLttbArgs,
  StreamPlotArgs,
  StreamSummariesArgs,
  SummaryKind,
  ValueKind,
} from "../generated.ts";
import { overridden } from "../stream/overrides.ts";
import { typeOf, type Stream, type StreamStore } from "../stream/store.ts";
import type { StreamTypeStore } from "../stream-type/store.ts";
import { conditionOf } from "./filter/condition.ts";
import { parseFilter } from "./filter/syntax.ts";
import { interpolationRead } from "./interpolation-store.ts";
import { joinRead } from "./join-store.ts";
import { largestTriangles } from "./largest-triangles.ts";
import { eventsAtRead, pointsRead } from "./lttb-store.ts";
import type { LimitStore } from "./limit-store.ts";
import type { ReadLimits } from "./limits.ts";
import { pageRead } from "./page-store.ts";
import { EventPage, type EventPageArgs } from "./page.ts";
import { plotRead } from "./plot-store.ts";
import { stored } from "./read-store.ts";
import {
  isNumeric,
  slotsOf,
  type ReadSlot,
  type Slot,
  type Value,
} from "./shape.ts";
import type { Event, EventStore, Rows } from "./store.ts";
import { summaryRead } from "./summary-store.ts";
import { summariesOf, summaryColumn } from "./summary.ts";
import { askedFor, type TableRequest } from "./table.ts";
import type { TimeZoneStore } from "./time-zone-store.ts";
import {
  assertRows,
  durationFrom,
  evenEdges,
  interpolationTimes,
  regularEdges,
  windowFrom,
} from "./times.ts";
import { inUnit } from "./unit.ts";

/** Rows as columns; null or absent is what was not asked for. */
export interface EventTable {
  readonly rowCount: number;
  readonly hasNextPage: boolean;
  readonly timestamps: PackedJson | null;
  readonly endCursor: string | null;
  readonly columns: readonly Column[];
  /** Where the same read is a file, if it is one; its format is to be added. */
  readonly file?: string | null;
}

export interface Column {
  readonly name: string;
  /** In a join. */
  readonly stream?: Stream;
  readonly property: string;
  readonly summary: SummaryKind | null;
  readonly kind: ValueKind;
  readonly uom: string | null;
  readonly values: PackedJson | undefined;
}

/** In which a read wants its numbers. */
interface Unit {
  readonly uom?: string | null;
}

/** Every way of reading a stream's events as a table, as far as one viewer may. */
export class TableStore {
  constructor(
    private readonly events: EventStore,
    private readonly streams: StreamStore,
    private readonly streamTypes: StreamTypeStore,
    private readonly timeZones: TimeZoneStore,
    private readonly limits: LimitStore,
  ) {}

  /** Stored events. */
  async stored(
    stream: Stream,
    args: EventPageArgs & Unit,
    request: TableRequest,
  ): Promise<EventTable> {
    const { slots, asked, limits } = await this.begin(stream, request, args);
    const page = new EventPage(stream.id, args, limits.rows);
    const rows = await this.events.rows({
      streamId: stream.id,
      sql: pageRead(slots, asked, page, request, filterFrom(args, slots)),
      maxRows: page.size,
      isUsual: args.filter == null && isUsual(asked),
      noted: { kind: "EVENTS", ...args.window },
      maxMilliseconds: limits.milliseconds,
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
    args: StreamInterpolatedArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const { slots, asked, limits } = await this.begin(stream, request, args);
    const times = interpolationTimes(args, limits.rows);
    const rows = await this.events.rows({
      streamId: stream.id,
      sql: interpolationRead(slots, asked, times),
      maxRows: times.length,
      isUsual: isUsual(asked),
      noted: { kind: "INTERPOLATED", ...spanOf(times) },
      maxMilliseconds: limits.milliseconds,
    });
    return wholeTable(rows, columnsOf(asked, rows));
  }

  /** One row an interval. */
  async summaries(
    stream: Stream,
    args: StreamSummariesArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const { slots, asked, limits } = await this.begin(stream, request, args);
    const edges = await this.edges(args, limits.rows);
    const summaries = asked.flatMap((slot) => summariesOf(slot, args.kinds));
    const rows = await this.events.rows({
      streamId: stream.id,
      sql: summaryRead(
        summaries,
        edges,
        filterFrom(args, slots),
        limits.points,
      ),
      maxRows: edges.length - 1,
      isUsual: args.filter == null && isUsual(asked),
      noted: { kind: "SUMMARIES", ...args.window },
      maxMilliseconds: limits.milliseconds,
    });
    assertPoints(rows.count, limits);
    return wholeTable(
      { ...rows, count: edges.length - 1 },
      summaries.map((summary, i) => ({
        ...summaryColumn(summary),
        values: rows.columns[i],
      })),
    );
  }

  /** The events to draw. */
  async plot(
    stream: Stream,
    args: StreamPlotArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const { window, width } = args;
    const { slots, asked, limits } = await this.begin(stream, request, args);
    // The times alone are those of what draws all properties.
    const drawn = asked.length > 0 ? asked : slots;
    const rows = await this.events.rows({
      streamId: stream.id,
      sql: plotRead(
        drawn,
        evenEdges(windowFrom(window), width, limits.rows, "width"),
      ),
      maxRows: 4 * width * drawn.length,
      isUsual: isUsual(asked),
      noted: { kind: "PLOT", ...window },
      maxMilliseconds: limits.milliseconds,
    });
    return wholeTable(rows, columnsOf(asked, rows));
  }

  /** The events to draw that keep the shape of the first number that is asked for. */
  async lttb(
    stream: Stream,
    args: StreamLttbArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const { window, points } = args;
    const { slots, asked, limits } = await this.begin(stream, request, args);
    assertRows(points, limits.rows, "points");
    const { from, to } = windowFrom(window);
    const slot = (asked.length > 0 ? asked : slots).find(({ kind }) =>
      isNumeric(kind),
    );
    if (!slot)
      throw badInput(
        "Only numbers have a shape to keep, and none is asked for. Use plot.",
        "points",
      );
    const all = await this.events.rows({
      streamId: stream.id,
      sql: pointsRead(
        slot,
        { from: dateTimeOf(from), to: dateTimeOf(to) },
        limits.points,
      ),
      maxRows: Infinity,
      isUsual: isUsual([slot]),
      noted: null,
      maxMilliseconds: limits.milliseconds,
    });
    const times = numbersIn(all.timestamps);
    const chosen = largestTriangles(times, numbersIn(all.columns[0]), points);
    const rows = await this.events.rows({
      streamId: stream.id,
      sql: eventsAtRead(
        asked,
        chosen.map((i) => dateTimeOf(times[i] as number)),
      ),
      maxRows: points,
      isUsual: isUsual(asked),
      noted: { kind: "LTTB", ...window },
      maxMilliseconds: limits.milliseconds,
    });
    // Asked last: that there are more events is told to nobody who leaves no record.
    assertPoints(all.count, limits);
    return wholeTable(rows, columnsOf(asked, rows));
  }

  /** The same read of several streams; an error in the place of one that cannot be read. */
  async ofEach(
    ids: readonly string[],
    read: (stream: Stream) => Promise<EventTable>,
  ): Promise<Promise<EventTable>[]> {
    assertStreams(ids, await this.limits.get());
    const streams = await this.streams.findAll(ids);
    return streams.map(async (stream, i) => {
      if (stream === null) throw notFound(`ids.${i}`);
      return read(stream);
    });
  }

  /** Several streams in one table, by time. */
  async joined(
    { ids, mode, uom, ...args }: QueryStreamJoinArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const limits = await this.limits.get();
    assertStreams(ids, limits);
    if (new Set(ids).size < ids.length)
      throw badInput("A stream is named twice. Name it once.", "ids");
    const streams = await this.streams.getAll(ids, (i) => `ids.${i}`);
    const slots = await Promise.all(
      streams.map((stream) => this.slotsOf(stream)),
    );
    // What one stream lacks another may have.
    askedFor(request, slots.flat());
    const parts = slots.map((slots) => ({
      slots,
      asked: inUnit(
        askedFor(
          {
            ...request,
            columns: request.columns.map(
              (names) =>
                names?.filter((name) =>
                  slots.some((slot) => slot.name === name),
                ) ?? null,
            ),
          },
          slots,
        ),
        uom,
      ),
    }));
    const page = new EventPage(
      JSON.stringify([mode, ...ids]),
      {
        ...args,
        boundary: "EXACT",
        reversed: false,
      },
      limits.rows,
    );
    const rows = await this.events.joined(
      ids,
      joinRead(parts, mode, page, request),
      { kind: "EVENTS", ...args.window, maxRows: page.size },
      limits.milliseconds,
    );
    const columns = parts.flatMap(({ asked }, i) =>
      asked.map((slot) => ({ stream: streams[i] as Stream, slot })),
    );
    return {
      rowCount: Math.min(rows.count, page.size),
      hasNextPage: rows.count > page.size,
      timestamps: rows.timestamps,
      endCursor: rows.end === null ? null : page.cursor(rows.end),
      columns: columns.map(({ stream, slot: { name, kind, uom } }, i) => ({
        ...{ name: `${stream.name} ${name}`, stream, property: name },
        ...{ summary: null, kind, uom, values: rows.columns[i] },
      })),
    };
  }

  /** An event of the stream, in a unit. */
  async event(
    stream: Stream,
    find: () => Promise<Event | null>,
    { uom }: Unit,
  ): Promise<Event | null> {
    if (uom == null) return find();
    const slots = inUnit(await this.slotsOf(stream), uom);
    const event = await find();
    if (event === null) return null;
    const values = slots.map(({ name, conversion }): [string, Value] => {
      const value = event.values[name] ?? null;
      return conversion && typeof value === "number"
        ? [name, value * conversion.factor + conversion.offset]
        : [name, value];
    });
    return {
      timestamp: event.timestamp,
      value: values[0]?.[1] ?? null,
      values: Object.fromEntries(values),
    };
  }

  private async slotsOf(stream: Stream): Promise<ReadSlot[]> {
    const [properties, overrides] = await Promise.all([
      this.streamTypes.properties(typeOf(stream)),
      this.streams.overrides(stream),
    ]);
    return slotsOf(overridden(properties, overrides));
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

  private async begin(
    stream: Stream,
    request: TableRequest,
    { uom }: Unit,
  ): Promise<{
    slots: readonly ReadSlot[];
    asked: readonly ReadSlot[];
    limits: ReadLimits;
  }> {
    this.events.announceTable();
    const [slots, limits] = await Promise.all([
      this.slotsOf(stream),
      this.limits.get(),
    ]);
    return { slots, asked: inUnit(askedFor(request, slots), uom), limits };
  }

  private async edges(
    { window, count, interval, timeZone }: StreamSummariesArgs,
    maxRows: number,
  ): Promise<string[]> {
    const within = windowFrom(window);
    if (count != null && interval == null)
      return evenEdges(within, count, maxRows, "count");
    if (interval == null || count != null)
      throw badInput("Give exactly one of count and interval.", "count");
    const length = durationFrom(interval);
    return length.months === 0 && length.days === 0
      ? regularEdges(within, length.micros, maxRows)
      : this.timeZones.edges(within, interval, timeZone, maxRows);
  }
}

export function assertStreams(
  ids: readonly string[],
  { streams: maxStreams }: ReadLimits,
): void {
  if (ids.length === 0) throw badInput("Name at least one stream.", "ids");
  if (ids.length > maxStreams)
    throw limitExceeded(
      "streams a read",
      maxStreams,
      ids.length,
      "Ask for them in several reads.",
      "ids",
    );
}

function assertPoints(count: number, { points }: ReadLimits): void {
  if (count > points)
    throw limitExceeded(
      "events that a read goes through",
      points,
      count,
      "Ask for a part of the window, or draw with plot.",
      "window",
    );
}

const filterFrom = (
  { filter }: { filter?: string | null },
  slots: readonly Slot[],
): Sql | null =>
  filter == null ? null : conditionOf(parseFilter(filter), slots, stored);

/** Statements are prepared for the reads that are frequent; there is no end of those of several properties. */
const isUsual = (asked: readonly Slot[]): boolean =>
  asked.length < 2 && asked.every(({ index }) => index === 0);

const wholeTable = (rows: Rows, columns: readonly Column[]): EventTable => ({
  rowCount: rows.count,
  hasNextPage: false,
  timestamps: rows.timestamps,
  endCursor: null,
  columns,
});

const columnsOf = (asked: readonly ReadSlot[], { columns }: Rows): Column[] =>
  asked.map(({ name, kind, uom }, i) => ({
    name,
    property: name,
    summary: null,
    kind,
    uom,
    values: columns[i],
  }));

/** From the first to the last of some times. */
function spanOf(times: readonly string[]) {
  const micros = times.map(microsOf);
  return {
    from: dateTimeOf(micros.reduce((a, b) => Math.min(a, b))),
    to: dateTimeOf(micros.reduce((a, b) => Math.max(a, b))),
  };
}

const numbersIn = (column: Rows["timestamps"] | undefined): number[] =>
  column ? (JSON.parse(column.text) as number[]) : [];
