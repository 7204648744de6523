import type { Knex } from "../../../common/database.ts";
import type { Logger } from "../../../common/log.ts";

const everyMs = 3_600_000;

/** Keeps the months of reads there ahead of time, and no longer than so many days; answers how to stop. */
export function keepReads(
  db: Knex,
  log: Logger,
  days: number,
): () => Promise<void> {
  const attempt = () =>
    removeOldReads(db, days)
      .then(({ dropped }) => {
        if (dropped > 0) log.info({ dropped }, "Old reads were removed.");
      })
      .catch((error: unknown) => {
        log.warn({ err: error }, "Old reads could not be removed yet.");
      });
  let running = attempt();
  const timer = setInterval(() => {
    running = attempt();
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** Answers how many months were missing, and how many are gone. */
export async function removeOldReads(
  db: Knex,
  days: number,
): Promise<{ made: number; dropped: number }> {
  const { rows } = await db.raw<{ rows: [{ made: number; dropped: number }] }>(
    "select * from stream.keep_reads(?)",
    [days],
  );
  return rows[0];
}
