import { badInput, limitExceeded } from "../../../common/errors.ts";

/** What one read may ask for: of the installation, or of a tenant whose operator decided otherwise. */
export interface ReadLimits {
  /** Rows that a table has. */
  readonly rows: number;
  /** Events of a stream that are gone through. */
  readonly points: number;
  /** Streams that a read names. */
  readonly streams: number;
  /** For how long PostgreSQL works on it. */
  readonly milliseconds: number;
}

/** No statement runs longer, whoever asks for it. */
export const longestMilliseconds = 60_000;

export const usualLimits: ReadLimits = {
  rows: 100_000,
  points: 10_000_000,
  streams: 1_000,
  milliseconds: longestMilliseconds,
};

export function assertStreams(
  ids: readonly string[],
  { streams: maxStreams }: ReadLimits,
  at = "ids",
): void {
  if (ids.length === 0) throw badInput("Name at least one stream.", at);
  if (ids.length > maxStreams)
    throw limitExceeded(
      "streams a read",
      maxStreams,
      ids.length,
      "Ask for them in several reads.",
      at,
    );
}

/** PostgreSQL has no rows of more than 1,664, and a few are needed beside them. */
const maxJoinedColumns = 1_600;

export function assertJoinedColumns(count: number): void {
  if (count > maxJoinedColumns)
    throw limitExceeded(
      "columns a join",
      maxJoinedColumns,
      count,
      "Ask for the properties that you need, or join fewer streams at a time.",
      "ids",
    );
}

/** Each is a read of its own in the record of its tenant. */
export function assertNamedOnce(ids: readonly string[]): void {
  if (new Set(ids).size < ids.length)
    throw badInput("A stream is named twice. Name it once.", "ids");
}

export const tooManyPoints = (
  count: number,
  points: number,
  next = "Ask for a part of the window.",
  at = "window",
): Error =>
  limitExceeded("events that a read goes through", points, count, next, at);

export function assertPoints(
  count: number,
  { points }: ReadLimits,
  at = "window",
): void {
  if (count > points) throw tooManyPoints(count, points, undefined, at);
}
