import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { record, type LedgerEntry } from "../../common/ledger-store.ts";
import { startSealer } from "../../common/ledger/sealer.ts";
import { anonymous } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { ledgerOf, type TestLedger } from "../support/ledger.ts";
import { logTo } from "../support/log.ts";

let database: TestDatabase;
let ledger: TestLedger;
beforeAll(async () => {
  database = await TestDatabase.create();
  ledger = await ledgerOf(database);
});
afterAll(() => database.drop());

const call = { viewer: anonymous, requestId: "test" };

const entryOf = (
  tenantIds: readonly string[] | null,
  more: Partial<LedgerEntry> = {},
): LedgerEntry => ({
  kind: "TENANT",
  subjectType: "Tenant",
  subjectId: tenantIds?.[0] ?? randomUUID(),
  tenantIds,
  ...more,
});

const write = (entries: readonly LedgerEntry[]) =>
  database
    .as("tenant")
    .transaction((transaction) => record(transaction, call, "test", entries));

test("an entry of one tenant, of several, of a community and of nobody yet are chained each in their own", async () => {
  const [one, other, community] = [randomUUID(), randomUUID(), randomUUID()];
  await write([
    entryOf([one]),
    entryOf([one, other], { kind: "INVITATION", communityId: community }),
    entryOf(null, { kind: "MEMBERSHIP", communityId: community }),
    entryOf([one], { kind: "ROLE", communityId: community }),
    entryOf([], { kind: "IDENTITY" }),
  ]);
  expect(await ledger.seal()).toBe(6);
  expect(await ledger.chain(one)).toEqual({ kind: "TENANT", sequence: 3 });
  expect(await ledger.chain(other)).toEqual({ kind: "TENANT", sequence: 1 });
  expect(await ledger.chain(community)).toEqual({
    kind: "COMMUNITY",
    sequence: 1,
  });
  expect(await ledger.chain("00000000-0000-0000-0000-000000000000")).toEqual({
    kind: "INSTALLATION",
    sequence: 1,
  });
});

test("a chain goes on where it ended, and an entry that was written first and committed last is not passed over", async () => {
  const tenant = randomUUID();
  const late = await database.as("tenant").transaction();
  await record(late, call, "late", [entryOf([tenant])]);
  await write([entryOf([tenant])]);
  expect(await ledger.seal()).toBe(1);
  await write([entryOf([tenant])]);
  await late.commit();
  expect(await ledger.seal()).toBe(2);
  expect(await ledger.chain(tenant)).toEqual({ kind: "TENANT", sequence: 3 });
  expect(await ledger.seal()).toBe(0);
  const { rows } = await database.owner.raw<{ rows: { linked: boolean }[] }>(
    `select l.previous is not distinct from lag(l.hash) over (order by l.sequence) as linked
     from ledger.links l where l.chain_id = ? order by l.sequence`,
    [tenant],
  );
  expect(rows).toEqual([{ linked: true }, { linked: true }, { linked: true }]);
});

test("sealers of several processes make one chain without gaps, while entries are written", async () => {
  const tenant = randomUUID();
  const count = 60;
  const writing = Promise.all(
    Array.from({ length: count }, () => write([entryOf([tenant])])),
  );
  const seal = async () => {
    for (let i = 0; i < 20; i += 1) await ledger.seal();
  };
  await Promise.all([writing, seal(), seal(), seal()]);
  await ledger.seal();
  expect(await ledger.chain(tenant)).toEqual({
    kind: "TENANT",
    sequence: count,
  });
});

test("within a second what was written is sealed, and when the process stops, what was written last", async () => {
  const late = randomUUID();
  const { log, lines } = logTo([]);
  const stop = startSealer(database.as("community"), ledger.sign, log);
  // On a busy machine it may take longer, but not every time.
  const waitedMs: number[] = [];
  while (waitedMs.length < 10 && !waitedMs.some((ms) => ms <= 1_000)) {
    const early = randomUUID();
    await write([entryOf([early])]);
    const writtenAt = Date.now();
    while (!(await ledger.chain(early)) && Date.now() < writtenAt + 5_000)
      await sleep(20);
    expect(await ledger.chain(early)).toMatchObject({ sequence: 1 });
    waitedMs.push(Date.now() - writtenAt);
  }
  expect(Math.min(...waitedMs)).toBeLessThanOrEqual(1_000);
  await write([entryOf([late])]);
  await stop();
  expect(await ledger.chain(late)).toMatchObject({ sequence: 1 });
  expect(lines).toEqual([]);
});

test.each([
  "insert into ledger.links (chain_id, sequence, entry_id, digest, hash) values (gen_random_uuid(), 1, 1, '', '')",
  "update ledger.links set hash = ''",
  "delete from ledger.links",
  "update ledger.chains set sequence = 0",
  "delete from ledger.unsealed",
  "delete from ledger.concerns",
])("the sealer's role may not: %s", async (statement) => {
  await expect(database.as("community").raw(statement)).rejects.toThrow(
    /permission denied/,
  );
});

test("what does not continue its chain is not sealed", async () => {
  const tenant = randomUUID();
  await write([entryOf([tenant])]);
  await ledger.seal();
  await write([entryOf([tenant])]);
  const forged = (sequence: number, previous: string) =>
    database.as("community").raw("select ledger.seal(?::jsonb, '[]')", [
      JSON.stringify([
        {
          chainId: tenant,
          sequence,
          entryId: 1,
          digest: "00",
          previous,
          hash: "00",
        },
      ]),
    ]);
  await expect(forged(2, "00")).rejects.toThrow(/continue a chain/);
  await expect(forged(1, "00")).rejects.toThrow(/continue a chain/);
  expect(await ledger.seal()).toBe(1);
});
