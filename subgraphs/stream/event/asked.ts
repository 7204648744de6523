import type { Micros } from "../../../common/date-time.ts";

/*
 * What the event store is asked, as plain values. The graph asks in the same words: the compiler sees to it where the
 * resolvers hand on what they are given.
 */

/** What a property holds. */
export type ValueKind =
  "FLOAT" | "INTEGER" | "BOOLEAN" | "TEXT" | "TIMESTAMP" | "ENUM";

/** What lies between two events. */
export type Interpolation =
  "CONTINUOUS" | "STEPWISE_PREVIOUS" | "STEPWISE_NEXT" | "DISCRETE";

/** What is computed over an interval. */
export type SummaryKind =
  | "COUNT"
  | "MINIMUM"
  | "MAXIMUM"
  | "RANGE"
  | "MEAN"
  | "TOTAL"
  | "STANDARD_DEVIATION"
  | "POPULATION_STANDARD_DEVIATION"
  | "TIME_WEIGHTED_MEAN"
  | "FIRST"
  | "LAST"
  | "PERCENT_GOOD";

/** Which event to take for a time. */
export type SearchMode =
  "EXACT" | "EXACT_OR_NEXT" | "NEXT" | "EXACT_OR_PREVIOUS" | "PREVIOUS";

/** The ends of a window: closed, open, closed with one event beyond each, closed with an event computed where none is stored. */
export type Boundary = "EXACT" | "INSIDE" | "OUTSIDE" | "EXACT_OR_CALCULATED";

/** The times of a join's rows: those of all streams, of any, or of any with what the others lack computed. */
export type JoinMode = "INNER" | "OUTER" | "OUTER_INTERPOLATED";

/** Whether timestamps must be new, may exist, must exist; PATCH changes the given properties alone. */
export type WriteMode = "INSERT" | "UPSERT" | "REPLACE" | "PATCH";

/** In which a read wants its numbers. */
export interface Unit {
  readonly uom?: string | null;
}

export interface TimeWindow {
  readonly from: string;
  readonly to: string;
}

export interface EventPageArgs {
  readonly window: TimeWindow;
  readonly boundary: Boundary;
  readonly filter?: string | null;
  readonly reversed: boolean;
  readonly first: number;
  readonly after?: string | null;
}

export interface InterpolatedArgs extends Unit {
  readonly window?: TimeWindow | null;
  readonly count?: number | null;
  readonly interval?: string | null;
  readonly timestamps?: readonly string[] | null;
}

/** Of the rows that a read computes, those that it answers. */
export interface Part {
  readonly skip: number;
  readonly take: number;
}

export interface SummariesArgs extends Unit {
  readonly window: TimeWindow;
  readonly count?: number | null;
  readonly interval?: string | null;
  readonly timeZone: string;
  readonly kinds?: readonly SummaryKind[] | null;
  readonly filter?: string | null;
}

export interface PlotArgs extends Unit {
  readonly window: TimeWindow;
  readonly width: number;
}

export interface LttbArgs extends Unit {
  readonly window: TimeWindow;
  readonly points: number;
}

export interface JoinArgs extends Unit {
  readonly ids: readonly string[];
  readonly window: TimeWindow;
  readonly mode: JoinMode;
  readonly first: number;
  readonly after?: string | null;
}

export interface TrendArgs extends Unit {
  readonly streamIds: readonly string[];
  readonly window: TimeWindow;
  /** In pixels. */
  readonly width: number;
  /** Of each stream the property to draw; without one its first. */
  readonly properties?: readonly (string | null)[] | null;
  /** Instead of `uom`, the unit for each stream. */
  readonly uoms?: readonly (string | null)[] | null;
}

/** Events of one stream as they are stored: row i of every column belongs together; no column, no values. */
export interface EventColumns {
  readonly tenantRowId: number;
  readonly streamRowId: number;
  readonly timestamps: readonly Micros[];
  /** The rows that are events, by their timestamps, which are distinct. */
  readonly order: readonly number[];
  readonly value: NumberColumn | null;
  readonly numbers: readonly (NumberColumn | null)[];
  readonly texts: readonly (TextColumn | null)[];
}

export type NumberColumn = readonly (number | null)[];
export type TextColumn = readonly (string | null)[];

/** What is to be removed of a stream: either the events at these times, or those within a window, ends included. */
export interface Removal {
  readonly tenantRowId: number;
  readonly streamRowId: number;
  readonly timestamps: readonly Micros[] | null;
  readonly window: Window | null;
}

/** A window whose ends stand in their order. */
export interface Window {
  readonly from: Micros;
  readonly to: Micros;
}

/** Events that are there although they must not be, or the other way round, or that would not be kept. */
export interface Refused {
  readonly because: "already there" | "missing" | "too old";
  readonly events: readonly EventKey[];
}

/** An event's place. */
export interface EventKey {
  readonly streamRowId: number;
  readonly timestamp: Micros;
}
