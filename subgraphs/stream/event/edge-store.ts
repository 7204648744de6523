import type { Knex } from "../../../common/database.ts";
import { dateTimeOf } from "../../../common/date-time.ts";
import { badInput } from "../../../common/errors.ts";
import type { StreamSummariesArgs } from "../generated.ts";
import {
  assertRows,
  durationFrom,
  evenEdges,
  regularEdges,
  windowFrom,
  type Window,
} from "./times.ts";

/** What divides a window into intervals; those by the calendar of a time zone PostgreSQL knows. */
export class EdgeStore {
  constructor(private readonly db: Knex) {}

  async of(
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
      : this.byCalendar(within, interval, timeZone, maxRows);
  }

  /** Every edge is counted from the first, so that months keep their day where they have one; the last one is cut. */
  private async byCalendar(
    { from, to }: Window,
    interval: string,
    timeZone: string,
    maxRows: number,
  ): Promise<string[]> {
    if (!isTimeZone(timeZone))
      throw badInput(
        'There is no such time zone. Name one like "Europe/Berlin".',
        "timeZone",
      );
    // One more than is allowed is enough to know it.
    const { rows } = await this.db.raw<{ rows: { at: string }[] }>(
      `select at from generate_series(0, ?::int) k
       cross join lateral (
         select (?::timestamptz at time zone z.name + k * ?::interval) at time zone z.name as at
         from (select ?::text as name) z
       ) e
       where k = 0 or at < ?::timestamptz order by k`,
      [maxRows, dateTimeOf(from), interval, timeZone, dateTimeOf(to)],
    );
    assertRows(rows.length, maxRows, "interval");
    // The first stays as it is: where clocks are put back, its time of the day may mean another.
    const [, ...later] = rows.map(({ at }) => at);
    return [dateTimeOf(from), ...later, dateTimeOf(to)];
  }
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
