import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { run, stopAll } from "../support/process.ts";
import { Seed } from "../support/seed.ts";
import { neverIssued } from "../support/tenant-world.ts";
import { everythingWritten } from "../support/written.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(async () => {
  await stopAll();
  await database.drop();
});

const issuers = (...args: string[]) =>
  run(["commands/issuers.ts", ...args], { DATABASE_URL: database.url });

test("an operator sees which users are accounts elsewhere, and takes one away, which the ledger tells", async () => {
  const seed = new Seed(database.owner);
  const [volute, hydra] = [await seed.tenant("Volute"), await seed.tenant()];
  const ada = await seed.user(volute, [], "ada@volute.example");
  const kim = await seed.user(hydra, [], "kim@hydra.example");
  const issuer = "https://login.example.com";
  await database.owner("issuer.linked_subjects").insert([
    { identity: ada.uuid, tenant: volute.uuid, issuer, subject: "00u1" },
    { identity: kim.uuid, tenant: hydra.uuid, issuer, subject: "00u2" },
  ]);
  const [all, some] = await Promise.all([
    issuers("links"),
    issuers("links", "--tenant", volute.uuid),
  ]);
  expect(all.output).toContain("00u2");
  expect(some.output).toContain(
    `${ada.uuid}\tVolute\tada@volute.example\t${issuer}\t00u1\t20`,
  );
  expect(some.output).not.toContain("00u2");

  expect(await issuers("unlink", ada.uuid)).toEqual({
    code: 0,
    output: "Unlinked.\n",
  });
  const left = await database.owner("issuer.linked_subjects").pluck("identity");
  expect(left).toEqual([kim.uuid]);
  const barred = database.owner("issuer.barred_subjects");
  expect(await barred.clone().select()).toEqual([
    { identity: ada.uuid, issuer, subject: "00u1" },
  ]);

  expect(await issuers("allow", ada.uuid)).toEqual({
    code: 0,
    output: "Allowed.\n",
  });
  expect(await barred.clone().select()).toEqual([]);
  const entries = await database.owner("ledger.entries").orderBy("id");
  expect(entries).toMatchObject([
    {
      action: "unlinkSubject",
      actor_identity: null,
      subject_id: ada.uuid,
      tenant_ids: [volute.uuid],
      before: { issuer },
    },
    {
      action: "allowSubject",
      actor_identity: null,
      subject_id: ada.uuid,
      tenant_ids: [volute.uuid],
      after: { issuer },
    },
  ]);
});

test("what cannot be done is told in a sentence, and nothing is written", async () => {
  const before = await everythingWritten(database);
  const answers = await Promise.all([
    issuers("unlink", neverIssued),
    issuers("unlink", "ada"),
    issuers("links", "all"),
    issuers("allow", neverIssued),
  ]);
  expect(answers.map(({ code }) => code)).toEqual([1, 1, 1, 1]);
  ["is not linked", '"ada" is no id', "Usage:", "No account was taken"].forEach(
    (text, i) => expect(answers[i]?.output).toContain(text),
  );
  expect(await everythingWritten(database)).toEqual(before);
});
