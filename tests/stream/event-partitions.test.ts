import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createLogger } from "../../common/log.ts";
import { roles } from "../../migrations/run.ts";
import {
  ensurePartitions,
  keepPartitions,
} from "../../subgraphs/stream/event/partition-store.ts";
import { TestDatabase } from "../support/database.ts";
import { Seed, type Stream } from "../support/seed.ts";

let database: TestDatabase;
let stream: Stream;

beforeAll(async () => {
  database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  stream = await seed.stream(await seed.tenant());
});
afterAll(() => database.drop());

async function partitions(): Promise<string[]> {
  const { rows } = await database.owner.raw<{ rows: { name: string }[] }>(
    `select relid::regclass::text as name from pg_partition_tree('stream.events') where isleaf order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** The name of the partition of a month, counted from this one. */
function monthly(months: number): string {
  const now = new Date();
  const month = new Date(
    Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months),
  );
  return `stream.events_${month.toISOString().slice(0, 7).replace("-", "_")}`;
}

async function dropMonth(months: number): Promise<void> {
  await database.owner.raw(`drop table ${monthly(months)}`);
}

/** Events by the partition that they are in. */
async function placed(): Promise<Record<string, string[]>> {
  const { rows } = await database.owner.raw<{
    rows: { name: string; at: string[] }[];
  }>(
    `select tableoid::regclass::text as name, array_agg(ts::text order by ts) as at from stream.events group by 1`,
  );
  return Object.fromEntries(rows.map(({ name, at }) => [name, at]));
}

async function write(...timestamps: string[]): Promise<void> {
  await database
    .as("stream")
    .raw(
      "insert into stream.events (tenant_id, stream_id, ts, value) select ?, ?, ts, 1 from unnest(?::timestamptz[]) ts",
      [stream.tenantId, stream.id, timestamps],
    );
}

test("a new installation has its months from 24 back to 3 ahead, and the default", async () => {
  const months = Array.from({ length: 28 }, (_, i) => monthly(i - 24));
  expect(await partitions()).toEqual(
    [...months, "stream.events_default"].sort(),
  );
  expect(await ensurePartitions(database.as("stream"))).toBe(0);
});

test.each(roles.filter((role) => role !== "stream"))(
  "the %s role cannot make partitions",
  async (role) => {
    await expect(
      database.as(role).raw("select stream.ensure_partitions()"),
    ).rejects.toThrow(/permission denied/);
  },
);

test("the stream role makes a missing month, and moves its events out of the default, whatever the session's time zone", async () => {
  await dropMonth(0);
  const start = `${monthly(0).slice(-7).replace("_", "-")}-01`;
  await write(
    `${start}T00:00:00Z`,
    `${start}T00:00:00+01:00`,
    "1970-01-01T00:00:00Z",
    "2200-12-31T23:59:59.999999Z",
  );
  expect(Object.keys(await placed()).sort()).toEqual([
    monthly(-1),
    "stream.events_default",
  ]);

  await database.as("stream").transaction(async (transaction) => {
    await transaction.raw("set local time zone 'America/Los_Angeles'");
    expect(await ensurePartitions(transaction)).toBe(1);
  });

  expect(await placed()).toEqual({
    [monthly(-1)]: [expect.stringContaining("23:00:00+00")],
    [monthly(0)]: [`${start} 00:00:00+00`],
    "stream.events_default": [
      "1970-01-01 00:00:00+00",
      "2200-12-31 23:59:59.999999+00",
    ],
  });
});

test("two at once make each month once", async () => {
  await dropMonth(2);
  await dropMonth(3);
  const made = await Promise.all(
    [1, 2, 3].map(() => ensurePartitions(database.as("stream"))),
  );
  expect(made.reduce((a, b) => a + b)).toBe(2);
  expect(await partitions()).toContain(monthly(3));
});

test("it gives up rather than hold readers and writers up, and the next attempt makes it good", async () => {
  await dropMonth(3);
  const log = createLogger("test", "silent");
  await database.owner.transaction(async (busy) => {
    await busy.raw("lock table stream.events_default in share mode");
    await expect(ensurePartitions(database.as("stream"))).rejects.toThrow(
      /lock timeout/,
    );
    await keepPartitions(database.as("stream"), log)();
  });
  expect(await partitions()).not.toContain(monthly(3));
  await keepPartitions(database.as("stream"), log)();
  expect(await partitions()).toContain(monthly(3));
});
