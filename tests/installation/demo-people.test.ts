import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { OperatorStore } from "../../commands/operator-store.ts";
import { createLogger } from "../../common/log.ts";
import { readConfig } from "../../installation/config.ts";
import { foundCompany, type Company } from "../../installation/demo/people.ts";
import { createSubgraphs } from "../../installation/subgraphs.ts";
import { TestDatabase } from "../support/database.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

const publicUrl = new URL("https://tributary.example");
const settings = {
  ...readConfig({ SIGN_UP: "off", SIGN_UP_ENTITLEMENTS: "none" }),
  publicUrl,
  log: createLogger("test", "silent"),
};

/** The same company of the demo in two installations. */
let databases: readonly TestDatabase[];
let companies: readonly Company[];
beforeAll(async () => {
  databases = [await TestDatabase.create(), await TestDatabase.create()];
  companies = await Promise.all(
    databases.map((database) =>
      foundCompany(
        "plant",
        new OperatorStore(database.owner),
        createSubgraphs(
          { connect: (role) => database.as(role) },
          settings,
          unrecorded,
        ),
        database.as("issuer"),
        publicUrl,
      ),
    ),
  );
});
afterAll(() => Promise.all(databases.map((database) => database.drop())));

test("everybody in the demo world has an own secret, in each installation another one", () => {
  const secrets = companies.flatMap(({ identities }) =>
    identities.map(({ password, clientSecret }) => password ?? clientSecret),
  );
  expect(secrets).toHaveLength(12);
  expect(new Set(secrets).size).toBe(12);
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{16,}$/);
});

test("the ledger has an entry for each of its people's passwords", async () => {
  for (const { owner } of databases)
    expect(
      await owner("ledger.entries").where({ action: "verifyEmail" }),
    ).toHaveLength(5);
});
