import { RateLimiterPostgres, RateLimiterRedis } from "rate-limiter-flexible";
import type { EnvironmentReader } from "../../common/config.ts";
import type { Knex } from "../../common/database.ts";
import type { Logger } from "../../common/log.ts";
import {
  bounded,
  counterOf,
  insured,
  memoryCounter,
  type Counter,
} from "./counter.ts";

/** Where points are counted: in each process, or by all of them in one place. */
export type BudgetStore = "memory" | "postgresql" | URL;

export interface Counters {
  readonly identity: Counter;
  readonly tenant: Counter;
  readonly address: Counter;
  stop(): Promise<void>;
}

/** `BUDGET_STORE`: `memory`, `postgresql`, or the URL of a Redis. */
export function readBudgetStore(reader: EnvironmentReader): BudgetStore {
  const store = reader.text("BUDGET_STORE", "memory");
  if (store === "memory" || store === "postgresql") return store;
  if (/^rediss?:/.test(store)) return reader.url("BUDGET_STORE");
  reader.fault(
    `BUDGET_STORE must be memory, postgresql or a URL like redis://127.0.0.1:6379, not "${store}".`,
  );
  return "memory";
}

export const memoryCounters = (windowSeconds: number): Counters => ({
  identity: memoryCounter(windowSeconds),
  tenant: memoryCounter(windowSeconds),
  address: bounded(memoryCounter(windowSeconds), windowSeconds),
  stop: () => Promise.resolve(),
});

/** `db` as the role of the issuer, whose table it is. */
export async function createCounters(
  store: BudgetStore,
  windowSeconds: number,
  db: Knex,
  log: Logger,
): Promise<Counters> {
  const own = memoryCounters(windowSeconds);
  if (store === "memory") return own;
  const { limiter, stop } =
    store === "postgresql"
      ? inPostgres(windowSeconds, db)
      : await inRedis(windowSeconds, store, log);
  const shared = (kind: "identity" | "tenant" | "address") =>
    insured(counterOf(limiter(`budget:${kind}`)), own[kind], log);
  return {
    identity: shared("identity"),
    tenant: shared("tenant"),
    address: bounded(shared("address"), windowSeconds),
    stop,
  };
}

function inPostgres(duration: number, db: Knex) {
  return {
    limiter: (keyPrefix: string) =>
      new RateLimiterPostgres({
        storeClient: db,
        storeType: "knex",
        schemaName: "issuer",
        tableName: "spent_points",
        // By a migration, and what has expired goes with all else that does.
        tableCreated: true,
        clearExpiredByTimeout: false,
        keyPrefix,
        points: 0,
        duration,
      }),
    stop: () => Promise.resolve(),
  };
}

async function inRedis(duration: number, url: URL, log: Logger) {
  // Most installations have none, and need not load it.
  const { createClient } = await import("@redis/client");
  const client = createClient({ url: url.href, disableOfflineQueue: true });
  client.on("error", (err: unknown) =>
    log.debug({ err }, "the Redis of budgets does not answer"),
  );
  // It goes on trying, and a start does not wait for it.
  client.connect().catch(() => undefined);
  return {
    limiter: (keyPrefix: string) =>
      new RateLimiterRedis({
        storeClient: client,
        useRedisPackage: true,
        rejectIfRedisNotReady: true,
        keyPrefix: `tributary:${keyPrefix}`,
        points: 0,
        duration,
      }),
    stop() {
      client.destroy();
      return Promise.resolve();
    },
  };
}
