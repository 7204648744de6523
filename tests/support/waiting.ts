import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "../../common/database.ts";
import type { Answer } from "./run.ts";

/** Returns when so many statements of this database wait for a lock: the rules in front have passed by then. */
export async function untilWaiting(db: Knex, count = 1): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const { rows } = await db.raw<{ rows: unknown[] }>(
      `select from pg_locks l join pg_stat_activity a on a.pid = l.pid
       where not l.granted and a.datname = current_database()`,
    );
    if (rows.length >= count) return;
    await sleep(10);
  }
  throw new Error("Nothing waits.");
}

/** Returns when something has come about. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isSo()) return;
    await sleep(20);
  }
  throw new Error("It never came about.");
}

/** Starts an operation that finds its rows locked by a change, which commits once the operation waits for it. */
export async function whileHolding(
  db: Knex,
  change: (transaction: Knex) => Promise<unknown>,
  attempt: () => Promise<Answer>,
): Promise<Answer> {
  const { answer } = await db.transaction(async (transaction) => {
    await change(transaction);
    const answer = attempt();
    await untilWaiting(transaction);
    return { answer };
  });
  return answer;
}
