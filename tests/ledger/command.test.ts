import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestDatabase } from "../support/database.ts";
import { ledgerOf, type TestLedger } from "../support/ledger.ts";
import { run, stopAll } from "../support/process.ts";

let database: TestDatabase;
let ledger: TestLedger;
let directory: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  ledger = await ledgerOf(database);
  directory = await mkdtemp(join(tmpdir(), "tributary-ledger-"));
});
afterAll(async () => {
  await stopAll();
  await database.drop();
  await rm(directory, { recursive: true });
});

async function succeed(...args: string[]): Promise<string> {
  const { code, output } = await ledger.command(...args);
  if (code !== 0) throw new Error(output);
  return output;
}

const file = async (name: string, content: string): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
};

/** Without any database or installation at hand. */
const offline = (...args: string[]) =>
  run(["commands/ledger.ts", "verify", ...args], {
    TRIBUTARY_DATA: join(directory, "nothing"),
  });

test("an export shows a tenant what concerns it, the rest by digests, and verifies by itself", async () => {
  const [tenant, other, community] = [randomUUID(), randomUUID(), randomUUID()];
  const inCommunity = { kind: "MEMBERSHIP", communityId: community } as const;
  await ledger.write(2, [tenant]);
  await ledger.write(1, [other]);
  await ledger.write(1, null, inCommunity);
  const { rows } = await database.owner.raw<{ rows: [{ place: number }] }>(
    "select ledger.next_place() as place",
  );
  await database.owner("ledger.past_stays").insert({
    tenant_id: tenant,
    community_id: community,
    told_from: 0,
    told_to: rows[0].place,
  });
  await ledger.write(1, null, inCommunity);
  await ledger.seal();

  const text = await succeed("export", "--tenant", tenant);
  const lines = text
    .trim()
    .split("\n")
    .map(
      (line) =>
        JSON.parse(line) as { chain: string; digest?: string; entry?: unknown },
    );
  const shown = (chain: string) =>
    lines
      .filter((line) => line.chain === chain && line.digest)
      .map(({ entry }) => entry !== undefined);
  expect(shown(tenant)).toEqual([true, true]);
  expect(shown(community)).toEqual([true, false]);
  expect(shown(other)).toEqual([]);

  const path = await file("export.jsonl", text);
  const kept = await file("head", `${await ledger.head(tenant)}\n`);
  expect(await offline("--file", path, "--head", kept)).toEqual({
    code: 0,
    output: "2 chains, 4 links: all as it was sealed.\n",
  });
  const keys = await file("keys.json", await succeed("keys"));
  const forged = await file(
    "forged.jsonl",
    text.replace('"after":{"count":1}', '"after":{"count":7}'),
  );
  const { code, output } = await offline("--file", forged, "--keys", keys);
  expect(code).toBe(1);
  expect(output).toMatch(/^CHANGED .* link 1: the entry .* was changed/);
  expect(output).toContain("2 chains");
}, 120_000);

test("erasing a person's names leaves every chain as it was sealed", async () => {
  const [tenant, person] = [randomUUID(), randomUUID()];
  const email = `${person}@example.com`;
  await ledger.write(3, [tenant], { subjectId: person, subjectType: "User" }, [
    { id: person, name: "Pia Pump", email },
  ]);
  await ledger.seal();
  expect(await succeed("erase", email)).toContain("Erased 3 names");
  const left = await database.owner("ledger.names").where({ id: person });
  expect(left).toEqual([]);
  await ledger.seal();
  const told = await succeed("export", "--tenant", tenant);
  expect(told).toContain('"action":"eraseNames"');
  expect(told).not.toContain("Pia");
  expect(await succeed("verify")).toContain("all as it was sealed");
}, 120_000);

test("retention removes what is old and keeps a signed checkpoint to go on from", async () => {
  const tenant = randomUUID();
  await ledger.write(5, [tenant]);
  await ledger.seal();
  const old = await ledger.head(tenant);
  const { rows } = await database.owner.raw<{ rows: [{ now: string }] }>(
    "select clock_timestamp() as now",
  );
  await ledger.write(3, [tenant]);
  await ledger.seal();
  const told = await succeed("retain", "--before", rows[0].now);
  expect(told).toMatch(/Removed [1-9]\d* entries and [1-9]\d* links/);
  const left = await database
    .owner("ledger.links")
    .where({ chain_id: tenant })
    .orderBy("sequence")
    .select("sequence");
  expect(left).toEqual([{ sequence: 6 }, { sequence: 7 }, { sequence: 8 }]);
  const entries = await database
    .owner("ledger.entries")
    .whereRaw("tenant_ids = array[?::uuid]", [tenant]);
  expect(entries).toHaveLength(3);
  expect(await succeed("verify", "--head", old)).toContain(
    "all as it was sealed",
  );
  await ledger.write(1, [tenant]);
  await ledger.seal();
  expect(await succeed("verify")).toContain("all as it was sealed");

  await database
    .owner("ledger.chains")
    .where({ id: tenant })
    .update({ checkpoint: await ledger.head(tenant) });
  const { output } = await ledger.command("verify");
  expect(output).toMatch(new RegExp(`^REMOVED  chain ${tenant}`));
}, 120_000);

test("the heads of all chains are printed, and can be kept as they are", async () => {
  const printed = await succeed("heads");
  const heads = printed.trim().split("\n");
  expect(heads.length).toBeGreaterThan(2);
  expect(JSON.parse(heads[0] ?? "")).toMatchObject({
    kind: "COMMUNITY",
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const kept = await file("heads.jsonl", printed);
  const { output } = await ledger.command("verify", "--head", kept);
  expect(output).not.toMatch(/DROPPED_TAIL|REWRITTEN/);
}, 120_000);

test.each([
  [["verify", "--head", "eyJ"], "No known key has signed the head eyJ"],
  [["export"], "Name the one to export"],
  [["export", "--tenant", randomUUID()], "Nothing is sealed of"],
  [["retain", "--before", "yesterday"], "--before must be a time"],
  [["erase", "Pia"], "is neither an id nor an e-mail"],
  [["unknown"], "Usage: npm run"],
])("%j is refused in a sentence", async (args, sentence) => {
  const { code, output } = await ledger.command(...args);
  expect(code).toBe(1);
  expect(output).toContain(sentence);
});

test("without keys it tells where they come from", async () => {
  const path = await file("nothing.jsonl", "");
  const { code, output } = await offline("--file", path);
  expect(code).toBe(1);
  expect(output).toContain("There are no keys to judge the ledger by");
  await expect(readFile(join(directory, "nothing"))).rejects.toThrow("ENOENT");
});
