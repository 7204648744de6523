import type { Knex } from "../../../common/database.ts";
import { dateTimeOf } from "../../../common/date-time.ts";
import { badInput } from "../../../common/errors.ts";
import { assertRows, type Window } from "./times.ts";

/** Intervals by the calendar of a time zone, which PostgreSQL knows. */
export class TimeZoneStore {
  constructor(private readonly db: Knex) {}

  /** Every edge is counted from the first, so that months keep their day where they have one; the last one is cut. */
  async edges(
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
    return [...rows.map(({ at }) => at), dateTimeOf(to)];
  }
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
