import { isNotTaken, type Knex } from "../../../common/database.ts";
import { dateTimeOf } from "../../../common/date-time.ts";
import type { Duration } from "../../../common/duration.ts";
import { badInput } from "../../../common/errors.ts";
import type { InterpolatedArgs, SummariesArgs, Window } from "./asked.ts";
import type { ReadLimits } from "./limits.ts";
import {
  assertRows,
  durationFrom,
  evenEdges,
  interpolationTimes,
  regularEdges,
  windowFrom,
  type Admit,
} from "./times.ts";
import type { ValueBudget } from "./value-budget.ts";

/**
 * What divides a window into intervals, those by the calendar of a time zone PostgreSQL knows; and times within a window.
 * All are made once a request, for its streams are mostly divided alike, and count as values of its tables.
 */
export class EdgeStore {
  private readonly found = new Map<string, Promise<readonly string[]>>();

  constructor(
    private readonly db: Knex,
    private readonly budget: ValueBudget,
  ) {}

  of(args: SummariesArgs, limits: ReadLimits): Promise<readonly string[]> {
    const { window, count, interval, timeZone } = args;
    return this.once(["edges", window, count, interval, timeZone], () =>
      this.find(args, limits),
    );
  }

  /** The ends of `count` equal intervals. */
  even(
    window: Window,
    count: number,
    limits: ReadLimits,
    at: string,
  ): Promise<readonly string[]> {
    return this.once(["even", window, count, at], () =>
      evenEdges(window, count, this.admit(limits), at),
    );
  }

  /** At which events are computed. */
  timesOf(
    args: InterpolatedArgs,
    limits: ReadLimits,
  ): Promise<readonly string[]> {
    const make = () => interpolationTimes(args, this.admit(limits));
    const { window, count, interval, timestamps } = args;
    // Those that are given cost more to be found again.
    return timestamps == null
      ? this.once(["times", window, count, interval], make)
      : Promise.resolve(make());
  }

  private once(
    asked: readonly unknown[],
    make: () => readonly string[] | Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    const key = JSON.stringify(asked);
    const times = this.found.get(key) ?? (async () => make())();
    this.found.set(key, times);
    return times;
  }

  private admit(limits: ReadLimits): Admit {
    return (count, ...at) => {
      assertRows(count, limits.rows, ...at);
      this.budget.take(count, limits);
    };
  }

  private async find(
    { window, count, interval, timeZone }: SummariesArgs,
    limits: ReadLimits,
  ): Promise<string[]> {
    const within = windowFrom(window);
    assertTimeZone(timeZone);
    if (count != null && interval == null)
      return evenEdges(within, count, this.admit(limits), "count");
    if (interval == null || count != null)
      throw badInput("Give exactly one of count and interval.", "count");
    const length = durationFrom(interval);
    return length.months === 0 && length.days === 0
      ? regularEdges(within, length.micros, this.admit(limits))
      : this.byCalendar(within, interval, length, timeZone, limits);
  }

  /** Every edge is counted from the first, so that months keep their day where they have one; the last one is cut. */
  private async byCalendar(
    { from, to }: Window,
    interval: string,
    length: Duration,
    timeZone: string,
    limits: ReadLimits,
  ): Promise<string[]> {
    // One more than is allowed is enough to know it; and beyond the window there may be no calendar any more.
    const last = Math.min(
      limits.rows,
      Math.ceil((to - from) / shortestOf(length)) + 1,
    );
    this.budget.take(last, limits);
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
    assertRows(rows.length, limits.rows, "interval");
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
  // The usual one, and to ask for one takes half a millisecond.
  if (timeZone === "UTC") return true;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}
