import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { TestDatabase } from "../support/database.ts";
import { neverIssued } from "../support/tenant-world.ts";
import { everythingWritten } from "../support/written.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

interface Run {
  code: number;
  output: string;
  errors: string;
}

/** The command as an operator runs it. */
const tenant = (
  args: readonly string[],
  env: Record<string, string> = { DATABASE_URL: database.url },
) =>
  new Promise<Run>((resolve) => {
    const command = [
      "--import",
      "./common/typescript/register.js",
      "commands/tenant.ts",
      ...args,
    ];
    const options = {
      env: { PUBLIC_URL: "https://tributary.example", ...env },
    };
    execFile(process.execPath, command, options, (error, output, errors) =>
      resolve({ code: Number(error?.code ?? 0), output, errors }),
    );
  });

/** Runs what must be refused, and shows that it wrote nothing. */
async function refused(args: readonly string[]): Promise<string> {
  const before = await everythingWritten(database);
  const { code, output, errors } = await tenant(args);
  expect({ code, output }).toEqual({ code: 1, output: "" });
  expect(await everythingWritten(database)).toEqual(before);
  return errors;
}

const lastEntry = async () =>
  (
    await database.owner("ledger.entries").orderBy("id", "desc").limit(1)
  )[0] as object;

test("an operator founds a tenant, entitles it, and sees it in the list", async () => {
  const founded = await tenant([
    "found",
    "Northern Chemicals",
    "--email",
    "Ada@Example.com",
    "--user-name",
    "Ada",
    "--region",
    "eu",
  ]);
  const [, id = "", email, link] =
    /^Tenant (\S+)\n(\S+) sets a password by (\S+), until .+\n$/.exec(
      founded.output,
    ) ?? [];
  expect(email).toBe("ada@example.com");
  expect(link).toMatch(
    /^https:\/\/tributary\.example\/oidc\/password\/[\w-]{43}$/,
  );
  const users = await database
    .owner("tenant.users as u")
    .join("tenant.identity_roles as r", "r.identity_id", "u.identity_id")
    .join("tenant.tenants as t", "t.id", "u.tenant_id")
    .where({ "t.uuid": id })
    .select("u.email", "r.role", "t.region");
  expect(users).toEqual([
    { email, role: "ACCOUNT_ADMINISTRATOR", region: "eu" },
  ]);
  expect((await tenant(["list"])).output).toBe(
    `${id}\tNorthern Chemicals\t1 users\t0 clients\tno entitlements\tusual limits\n`,
  );

  expect((await tenant(["entitle", id, "COMMUNITIES"])).code).toBe(0);
  expect(await lastEntry()).toMatchObject({
    action: "entitleTenant",
    actor_identity: null,
    subject_id: id,
    before: { entitlements: [] },
    after: { entitlements: ["COMMUNITIES"] },
  });
  expect((await tenant(["list"])).output).toContain("\tCOMMUNITIES\t");
  expect((await tenant(["disentitle", id, "COMMUNITIES"])).code).toBe(0);
  expect(await lastEntry()).toMatchObject({
    action: "disentitleTenant",
    after: { entitlements: [] },
  });
});

test("a founder who has a password already is sent no link", async () => {
  await database.owner("issuer.persons").insert({
    email: "known@example.com",
    name: "Known",
    password_hash: "hash",
  });
  const { output } = await tenant([
    "found",
    "Known",
    "--email",
    "known@example.com",
  ]);
  expect(output).toMatch(
    /^Tenant \S+\nknown@example\.com signs in with the password it has\.\n$/,
  );
});

test.each([
  ["no operation", [], /^Usage: /],
  ["an operation that there is not", ["close"], /^Usage: /],
  ["an option that there is not", ["list", "--all"], /Unknown option '--all'/],
  ["no e-mail", ["found", "X"], /^--email is missing/],
  [
    "a malformed e-mail",
    ["found", "X", "--email", "x"],
    /^--email must be an e-mail address, not "x"/,
  ],
  ["an empty name", ["found", " ", "--email", "x@example.com"], /^Give a name/],
  [
    "a feature that there is not",
    ["entitle", neverIssued, "FLYING"],
    /^There is no feature FLYING/,
  ],
  [
    "a tenant that there is not",
    ["entitle", neverIssued, "COMMUNITIES"],
    /^There is no tenant/,
  ],
])("%s is refused in a sentence", async (_, args, sentence) => {
  expect(await refused(args)).toMatch(sentence);
});

test("without an installation that runs, the operator is told how to have one", async () => {
  const { code, errors } = await tenant(["list"], {
    TRIBUTARY_DATA: "/nonexistent",
  });
  expect(code).toBe(1);
  expect(errors).toMatch(
    /^No installation runs in \/nonexistent\. Start it with "npm start"/,
  );
});

test("a database without Tributary is told apart", async () => {
  const url = new URL(database.url);
  url.pathname = "postgres";
  const { code, errors } = await tenant(["list"], { DATABASE_URL: url.href });
  expect(code).toBe(1);
  expect(errors).toMatch(/^This database holds no Tributary yet/);
});

test("an operator limits what a tenant's reads ask for, and lets it be as usual again", async () => {
  const { output } = await tenant([
    "found",
    "Limited",
    "--email",
    "lim@example.com",
  ]);
  const id = /^Tenant (\S+)/.exec(output)?.[1] ?? "";
  const limits = async () =>
    (
      await database
        .owner("stream.read_limits as l")
        .join("tenant.tenants as t", "t.id", "l.tenant_id")
        .where({ "t.uuid": id })
        .select("rows", "points", "streams", "milliseconds")
    )[0] as object;
  const none = { rows: null, points: null, streams: null, milliseconds: null };
  await tenant(["limit", id, "rows", "500"]);
  expect(await limits()).toEqual({ ...none, rows: 500 });
  await tenant(["limit", id, "points", "1000"]);
  expect(await limits()).toEqual({ ...none, rows: 500, points: 1000 });
  expect(await lastEntry()).toMatchObject({
    action: "setReadLimit",
    subject_id: id,
    after: { limits: { ...none, rows: 500, points: 1000 } },
  });
  const listed = async () =>
    (await tenant(["list"])).output
      .split("\n")
      .find((line) => line.startsWith(id));
  expect(await listed()).toMatch(/\trows 500, points 1000$/);
  await tenant(["limit", id, "rows", "usual"]);
  expect(await listed()).toMatch(/\tpoints 1000$/);
  expect(await limits()).toEqual({ ...none, points: 1000 });
  for (const [name, value, message] of [
    ["rows", "0", "above zero"],
    ["rows", "many", "above zero"],
    ["columns", "5", "There is no limit columns"],
  ] as const)
    expect(await refused(["limit", id, name, value])).toContain(message);
  expect(await refused(["limit", neverIssued, "rows", "5"])).toContain(
    "There is no tenant",
  );
}, 60_000);
