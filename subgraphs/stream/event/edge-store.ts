import { isNotTaken, type Knex } from "../../../common/database.ts";
import { dateTimeOf } from "../../../common/date-time.ts";
import type { Duration } from "../../../common/duration.ts";
import { badInput } from "../../../common/errors.ts";
import type { SummariesArgs, Window } from "./asked.ts";
import {
  assertRows,
  durationFrom,
  evenEdges,
  regularEdges,
  windowFrom,
} from "./times.ts";

/** What divides a window into intervals; those by the calendar of a time zone PostgreSQL knows. */
export class EdgeStore {
  private readonly found = new Map<string, Promise<string[]>>();

  constructor(private readonly db: Knex) {}

  /** Looked for once a request, for its streams are mostly divided alike. */
  of(args: SummariesArgs, maxRows: number): Promise<string[]> {
    const { window, count, interval, timeZone } = args;
    const key = JSON.stringify([window, count, interval, timeZone, maxRows]);
    const edges = this.found.get(key) ?? this.find(args, maxRows);
    this.found.set(key, edges);
    return edges;
  }

  private async find(
    { window, count, interval, timeZone }: SummariesArgs,
    maxRows: number,
  ): Promise<string[]> {
    const within = windowFrom(window);
    assertTimeZone(timeZone);
    if (count != null && interval == null)
      return evenEdges(within, count, maxRows, "count");
    if (interval == null || count != null)
      throw badInput("Give exactly one of count and interval.", "count");
    const length = durationFrom(interval);
    return length.months === 0 && length.days === 0
      ? regularEdges(within, length.micros, maxRows)
      : this.byCalendar(within, interval, length, timeZone, maxRows);
  }

  /** Every edge is counted from the first, so that months keep their day where they have one; the last one is cut. */
  private async byCalendar(
    { from, to }: Window,
    interval: string,
    length: Duration,
    timeZone: string,
    maxRows: number,
  ): Promise<string[]> {
    // One more than is allowed is enough to know it; and beyond the window there may be no calendar any more.
    const last = Math.min(
      maxRows,
      Math.ceil((to - from) / shortestOf(length)) + 1,
    );
    const asked = this.db.raw<{ rows: { at: string }[] }>(
      `select at from generate_series(0, ?::int) k
       cross join lateral (
         select (?::timestamptz at time zone z.name + k * ?::interval) at time zone z.name as at
         from (select ?::text as name) z
       ) e
       where k = 0 or at < ?::timestamptz order by k`,
      [last, dateTimeOf(from), interval, timeZone, dateTimeOf(to)],
    );
    // Names that were given up long ago live on in Intl alone.
    const { rows } = await asked.catch((error: unknown) => {
      throw isNotTaken(error) ? unknownTimeZone() : error;
    });
    assertRows(rows.length, maxRows, "interval");
    // The first stays as it is: where clocks are put back, its time of the day may mean another.
    const [, ...later] = rows.map(({ at }) => at);
    return [dateTimeOf(from), ...later, dateTimeOf(to)];
  }
}

const dayMicros = 86_400_000_000;

/** What no interval falls below, but for the day that a zone may skip as it changes sides of the date line. */
const shortestOf = ({ months, days, micros }: Duration): number =>
  (months * 28 + days) * dayMicros + micros;

/**
 * Names by area and city mean the same here and in PostgreSQL. Offsets and abbreviations do not: PostgreSQL counts those
 * westwards, and has an IST of its own.
 */
const areaAndCity = /^(?!SystemV\/|posix\/|right\/)[a-z_]+\/|^(UTC|GMT)$/i;

function assertTimeZone(name: string): void {
  if (!areaAndCity.test(name) || !isKnown(name)) throw unknownTimeZone();
}

const unknownTimeZone = () =>
  badInput(
    'There is no such time zone. Name an area and a city, like "Europe/Berlin", or "UTC" or "GMT".',
    "timeZone",
  );

function isKnown(timeZone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}
