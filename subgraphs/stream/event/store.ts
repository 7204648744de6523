import type { Knex } from "../../../common/database.ts";
import type { PackedJson } from "../../../common/packed.ts";
import type { OwnTurns } from "../../../common/turns.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { StreamTypeStore } from "../stream-type/store.ts";
import type { Stream, StreamStore } from "../stream/store.ts";
import type { NoteRead } from "../usage/recorder-store.ts";
import type {
  EventColumns,
  EventKey,
  EventPageArgs,
  InterpolatedArgs,
  JoinArgs,
  LttbArgs,
  Part,
  PlotArgs,
  Refused,
  Removal,
  SearchMode,
  SummariesArgs,
  TrendArgs,
  Unit,
  WriteMode,
} from "./asked.ts";
import type { Extent } from "./changed.ts";
import type { StreamKey } from "./claim-store.ts";
import type { PackedCells } from "./cells.ts";
import { EdgeStore } from "./edge-store.ts";
import { convertedTo, type Event } from "./event.ts";
import { GateStore } from "./gate-store.ts";
import { LastEventsStore, type LastEvents } from "./last-events-store.ts";
import type { LimitStore } from "./limit-store.ts";
import { ManyStreamsStore } from "./many-streams-store.ts";
import { asCells, asJson } from "./packing-store.ts";
import { EventRemovalStore } from "./removal-store.ts";
import { RowStore } from "./row-store.ts";
import type { ReadSlot } from "./shape.ts";
import type { ShapeStore } from "./shape-store.ts";
import { SingleEventStore } from "./single-store.ts";
import { SlotStore } from "./slot-store.ts";
import { TableStore, type EventTable } from "./table-store.ts";
import type { TableRequest } from "./table.ts";
import { TrendStore, type TrendLine } from "./trend-store.ts";
import { inUnit } from "./unit.ts";
import { ValueBudget } from "./value-budget.ts";
import { EventWriteStore } from "./write-store.ts";

/**
 * The event store, as everybody else sees it: what one viewer may read of events in one request. It tells of streams,
 * times and values, and never of how these are kept, so that this can change without any of its callers.
 */
export interface EventReads extends TableReads<PackedJson> {
  first(stream: Stream, unit: Unit): Promise<Event | null>;
  /** At once, where what found the stream has read it. */
  last(stream: Stream, unit: Unit): Promise<Event | null> | Event | null;
  at(
    stream: Stream,
    timestamp: string,
    mode: SearchMode,
    unit: Unit,
  ): Promise<Event | null>;

  /** The events to draw. */
  plot(
    stream: Stream,
    args: PlotArgs,
    request: TableRequest,
  ): Promise<EventTable>;
  /** The events to draw that keep the shape of the first number that is asked for. */
  lttb(
    stream: Stream,
    args: LttbArgs,
    request: TableRequest,
  ): Promise<EventTable>;

  /** For files. */
  readonly asCells: TableReads<PackedCells>;

  /** The same read of several streams; an error in the place of one that cannot be read. */
  ofEach(
    ids: readonly string[],
    read: (stream: Stream) => Promise<EventTable>,
  ): Promise<Promise<EventTable>[]>;
  /** Several streams in one table, by time. */
  joined(args: JoinArgs, request: TableRequest): Promise<EventTable>;
  /** Several streams to be drawn on one axis of time; an error in the place of one that cannot be read. */
  trend(input: TrendArgs): Promise<Promise<TrendLine>[]>;

  /** The last event of each, and if asked how it is measured; the first stream that is not readable is refused with its place in `ids`. */
  lastOfEach(
    ids: readonly string[],
    unit: Unit,
    isMeasured: boolean,
  ): Promise<LastEvents>;

  /** The properties that a table shows, as it shows them. */
  shown(
    stream: Stream,
    request: TableRequest,
    unit: Unit,
  ): Promise<readonly ReadSlot[]>;
}

/** Tables of one stream, packed in one way or another. */
export interface TableReads<Packed> {
  /** Stored events. */
  stored(
    stream: Stream,
    args: EventPageArgs & Unit,
    request: TableRequest,
  ): Promise<EventTable<Packed>>;
  /** Computed events. */
  interpolated(
    stream: Stream,
    args: InterpolatedArgs,
    request: TableRequest,
    part?: Part,
  ): Promise<EventTable<Packed>>;
  /** One row an interval. */
  summaries(
    stream: Stream,
    args: SummariesArgs,
    request: TableRequest,
    part?: Part,
  ): Promise<EventTable<Packed>>;
}

/** And how events are changed, within a transaction whose action has asked who may. */
export interface EventChanges {
  /** Answers the events that the mode does not take as they are; then nothing of this transaction may be kept. */
  write(
    events: readonly EventColumns[],
    mode: WriteMode,
  ): Promise<Refused | null>;

  /** Nobody else changes the events of these streams until the transaction ends. */
  claim(streams: readonly StreamKey[]): Promise<void>;
  /** The first of the timestamps, in their order, that has no event. */
  firstMissing(removals: readonly Removal[]): Promise<EventKey | null>;
  /** How many events lie in the windows, as far as `most`. */
  countWithin(removals: readonly Removal[], most: number): Promise<number>;
  /** Answers what was removed of each stream that had any of it. */
  remove(removals: readonly Removal[]): Promise<Extent[]>;
}

/** Events in partitions by month, and where those of each stream begin and end. */
export function eventReads(
  db: Knex,
  viewer: Viewer,
  noteRead: NoteRead,
  {
    streams,
    streamTypes,
    limits,
    turns,
    shapes,
  }: {
    streams: StreamStore;
    streamTypes: StreamTypeStore;
    limits: LimitStore;
    turns: OwnTurns;
    shapes: ShapeStore;
  },
): EventReads {
  const gate = new GateStore(db, viewer);
  const budget = new ValueBudget();
  const rows = new RowStore(db, viewer, noteRead, turns, gate, budget);
  const slots = new SlotStore(streams, streamTypes);
  const single = new SingleEventStore(
    db,
    viewer,
    noteRead,
    turns,
    gate,
    shapes,
  );
  const edges = new EdgeStore(db, budget);
  const tables = new TableStore(rows, slots, edges, limits, asJson);
  const cells = new TableStore(rows, slots, edges, limits, asCells);
  const many = new ManyStreamsStore(rows, slots, streams, limits, budget);
  const lasts = new LastEventsStore(db, viewer, noteRead, limits, gate);
  const trends = new TrendStore(rows, slots, edges, many, limits);
  const readIn = async (
    uom: string,
    stream: Stream,
    find: () => Promise<Event | null> | Event | null,
  ) => {
    const converted = inUnit(await slots.of(stream), uom);
    const event = await find();
    return event && convertedTo(converted, event);
  };
  const read = <Found extends Promise<Event | null> | Event | null>(
    stream: Stream,
    { uom }: Unit,
    find: () => Found,
  ) => (uom == null ? find() : readIn(uom, stream, find));
  return {
    first: (stream, unit) => read(stream, unit, () => single.first(stream.id)),
    last: (stream, unit) => read(stream, unit, () => single.last(stream)),
    at: (stream, timestamp, mode, unit) =>
      read(stream, unit, () => single.at(stream.id, timestamp, mode)),
    stored: (...read) => tables.stored(...read),
    interpolated: (...read) => tables.interpolated(...read),
    summaries: (...read) => tables.summaries(...read),
    plot: (...read) => tables.plot(...read),
    lttb: (...read) => tables.lttb(...read),
    asCells: cells,
    ofEach: (...read) => many.ofEach(...read),
    joined: (...read) => many.joined(...read),
    trend: (...read) => trends.draw(...read),
    lastOfEach: (...read) => turns.run(() => lasts.read(...read)),
    shown: (...read) => tables.shown(...read),
  };
}

export function eventChanges(transaction: Knex.Transaction): EventChanges {
  const written = new EventWriteStore(transaction);
  const removed = new EventRemovalStore(transaction);
  return {
    write: (...change) => written.write(...change),
    claim: (...change) => removed.claim(...change),
    firstMissing: (...change) => removed.firstMissing(...change),
    countWithin: (...change) => removed.countWithin(...change),
    remove: (...change) => removed.remove(...change),
  };
}
