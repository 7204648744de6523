import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { connect } from "../../common/database.ts";
import { TestDatabase } from "../support/database.ts";
import { run, stopAll } from "../support/process.ts";

const migrate = ["commands/migrate.ts"];
let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(async () => {
  await stopAll();
  await database.drop();
});

describe("npm run migrate", () => {
  test("makes what is missing, and nothing twice", async () => {
    const environment = { DATABASE_URL: database.url };
    expect(await run(migrate, environment)).toEqual({
      code: 0,
      output: "The database is up to date.\n",
    });
    // As if nothing had run yet.
    await database.owner.raw(
      "drop schema tenant, community, stream, issuer, ledger, mail cascade",
    );
    await database.owner.raw("delete from migrations");
    const { code, output } = await run(migrate, environment);
    expect(code).toBe(0);
    expect(output).toMatch(
      /^(ran \d{14}_\w+\.ts\n){10,}The database is ready\.\n$/,
    );
  });

  test("prints the URL by which each role's process reaches the database", async () => {
    const { code, output } = await run([...migrate, "--urls"], {
      DATABASE_URL: database.url,
    });
    expect(code).toBe(0);
    const lines = output
      .trim()
      .split("\n")
      .map((line) => line.split("="));
    expect(lines.map(([name]) => name)).toEqual([
      "TENANT_DATABASE_URL",
      "COMMUNITY_DATABASE_URL",
      "STREAM_DATABASE_URL",
      "ISSUER_DATABASE_URL",
      "MAIL_DATABASE_URL",
    ]);
    for (const [name = "", url = ""] of lines) {
      const db = connect(url, { name: "test", poolSize: 1 });
      const { rows } = await db.raw<{ rows: unknown[] }>("select current_user");
      await db.destroy();
      const role = `tributary_${name.split("_")[0]?.toLowerCase()}`;
      expect(rows).toEqual([{ current_user: role }]);
    }
  });

  test("tells what it needs", async () => {
    expect(await run(migrate, {})).toEqual({
      code: 1,
      output: "DATABASE_URL is missing.\n",
    });
  });
});
