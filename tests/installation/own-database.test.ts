import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestDatabase } from "../support/database.ts";
import { Caller } from "../support/over-http.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
} from "../support/process.ts";
import { Seed } from "../support/seed.ts";

jest.setTimeout(120_000);

/* Two installations side by side, as behind a load balancer: one database, one data directory, one public address. */

let home: string;
let database: TestDatabase;
let origins: [string, string];
let environments: [Record<string, string>, Record<string, string>];
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tributary-own-"));
  database = await TestDatabase.createEmpty();
  const ports = [await freePort(), await freePort()] as const;
  const shared = {
    DATABASE_URL: database.url,
    TRIBUTARY_DATA: home,
    PUBLIC_URL: "https://tributary.example",
    STOP_GRACE_MS: "0",
  };
  origins = [`http://127.0.0.1:${ports[0]}`, `http://127.0.0.1:${ports[1]}`];
  environments = [
    { ...shared, PORT: `${ports[0]}` },
    { ...shared, PORT: `${ports[1]}` },
  ];
});
afterAll(async () => {
  await stopAll();
  await database.drop();
  await rm(home, { recursive: true, force: true });
});

test("both start at once on the empty database, which one of them migrates", async () => {
  const main = ["installation/main.ts"];
  const both = [
    new Process(main, environments[0]),
    new Process(main, environments[1]),
  ] as const;
  await both[0].until(() => isReady(origins[0]));
  await both[1].until(() => isReady(origins[1]));
  const migrated = both.filter(({ output }) => output.includes("migration"));
  expect(migrated).toHaveLength(1);
});

test("an identity's token is good at both", async () => {
  const seed = new Seed(database.owner);
  const client = await seed.client(await seed.tenant("Own Ltd"));
  const { output } = await run(
    ["commands/token.ts", client.uuid],
    environments[0],
  );
  const token = output.split("\n").at(-2) ?? "";
  for (const origin of origins)
    expect(
      await new Caller(origin, token).get("{ viewer { tenant { name } } }"),
    ).toEqual({ viewer: { tenant: { name: "Own Ltd" } } });
});

test("there is no demo world in somebody's own database, nor a database in the data directory", async () => {
  expect((await readdir(home)).sort()).toEqual([
    "issuer-keys.json",
    "ledger-keys.json",
  ]);
  expect(await database.owner("tenant.tenants").select("name")).toEqual([
    { name: "Own Ltd" },
  ]);
});
