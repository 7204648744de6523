import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { roles } from "../../migrations/run.ts";
import { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

/** Every table, view and function of another schema that a role can use: all that is published to it, and no more. */
const published = {
  tenant: ["community.met_tenants", "ledger.append"],
  community: [],
  stream: [],
  issuer: [],
} as const;

test.each(roles)(
  "the %s role is no owner, and has no right to create",
  async (role) => {
    const { rows } = await database
      .as(role)
      .raw(
        `select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user`,
      );
    expect(rows).toEqual([
      { rolsuper: false, rolcreaterole: false, rolcreatedb: false },
    ]);
    expect(published).toBeDefined();
  },
);
