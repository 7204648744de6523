import type { Knex } from "../../../common/database.ts";
import type { Logger } from "../../../common/log.ts";

const everyMs = 3_600_000;

/**
 * Keeps the month partitions of events there ahead of time; answers how to stop. Asked far more often than months
 * change: an attempt that found the table busy is soon made good.
 */
export function keepPartitions(db: Knex, log: Logger): () => Promise<void> {
  const attempt = () =>
    ensurePartitions(db)
      .then((made) => {
        if (made > 0) log.info({ made }, "Partitions of events were made.");
      })
      .catch((error: unknown) => {
        log.warn({ err: error }, "Partitions of events could not be made yet.");
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

/** Answers how many months were missing. */
export async function ensurePartitions(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: [{ made: number }] }>(
    "select stream.ensure_partitions() as made",
  );
  return rows[0].made;
}
