import { setTimeout } from "node:timers/promises";
import type { Knex } from "../../../common/database.ts";
import type { Logger } from "../../../common/log.ts";
import { removeLeftovers } from "./leftover-store.ts";
import { keepPartitions } from "./partition-store.ts";
import { dropPartitions, removeExpired } from "./retention-store.ts";

const leftoversEveryMs = 5_000;
const expiredEveryMs = 3_600_000;

/**
 * What the event store needs done beside all calls; answers how to stop. Of several processes each does what no other is
 * at, and what one leaves undone another goes on with.
 */
export function keepEvents(db: Knex, log: Logger): () => Promise<void> {
  const stops = [
    keepPartitions(db, log),
    repeat(leftoversEveryMs, log, async (signal) => {
      let batches = 0;
      while (!signal.aborted && (await removeLeftovers(db))) batches += 1;
      if (batches > 0)
        log.info({ batches }, "Events of deleted streams were removed.");
    }),
    repeat(expiredEveryMs, log, async (signal) => {
      const months = await dropPartitions(db, signal).catch(
        (error: unknown) => {
          log.warn({ err: error }, "Old months could not be dropped yet.");
          return 0;
        },
      );
      const steps = await removeExpired(db, signal);
      if (months + steps > 0)
        log.info({ months, steps }, "Events beyond retention were removed.");
    }),
  ];
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/** Does something now, and again so long after its end. */
function repeat(
  everyMs: number,
  log: Logger,
  work: (signal: AbortSignal) => Promise<void>,
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const loop = async () => {
    while (!signal.aborted) {
      await work(signal).catch((error: unknown) => {
        log.warn({ err: error }, "Old events could not be removed yet.");
      });
      await setTimeout(everyMs, undefined, { signal, ref: false }).catch(
        () => undefined,
      );
    }
  };
  const running = loop();
  return async () => {
    stopping.abort();
    await running;
  };
}
