import type { Knex } from "../common/database.ts";

/** How often something was tried, counted together by every process. */
export class AttemptStore {
  constructor(private readonly db: Knex) {}

  /** Counts one more; the count begins anew when the window has passed since its first. */
  async add(
    subject: string,
    windowSeconds: number,
  ): Promise<{ count: number; secondsLeft: number }> {
    const { rows } = await this.db.raw<{
      rows: [{ count: number; secondsLeft: number }];
    }>(
      `insert into issuer.attempts as a (subject, count, expires_at)
       values (?, 1, clock_timestamp() + make_interval(secs => ?))
       on conflict (subject) do update set
         count = case when a.expires_at > clock_timestamp() then a.count + 1 else 1 end,
         expires_at = case when a.expires_at > clock_timestamp() then a.expires_at else excluded.expires_at end
       returning count, ceil(extract(epoch from expires_at - clock_timestamp()))::int as "secondsLeft"`,
      [subject, windowSeconds],
    );
    return rows[0];
  }

  async forget(subject: string): Promise<void> {
    await this.db("issuer.attempts").where({ subject }).delete();
  }
}
