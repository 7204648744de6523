import { describe, expect, test } from "@jest/globals";
import { ESLint } from "eslint";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import tseslint from "typescript-eslint";

// Rules that ask the compiler need a file that exists, and seconds; the others are tried on invented ones.
const quick = new ESLint({
  overrideConfig: tseslint.configs.disableTypeChecked,
});

async function faults(file: string, code: string, eslint = quick) {
  const [result] = await eslint.lintText(code, { filePath: file });
  return result?.messages.map(({ ruleId, message }) => ruleId ?? message);
}

describe("import direction", () => {
  const from = (specifier: string) => `import { x } from "${specifier}"; x();`;
  const typeFrom = (specifier: string) =>
    `import type { X } from "${specifier}"; export type Y = X;`;
  const concept = "subgraphs/community/membership";

  test.each([
    [
      "a resolver calls an action",
      `${concept}/resolvers.ts`,
      from("./actions.ts"),
    ],
    [
      "a resolver names the context",
      `${concept}/resolvers.ts`,
      typeFrom("../context.ts"),
    ],
    [
      "a store names a generated type",
      `${concept}/store.ts`,
      typeFrom("../generated.ts"),
    ],
    [
      "an action calls a neighbour's store",
      `${concept}/actions.ts`,
      from("../invitation/store.ts"),
    ],
    [
      "a permission builds on a neighbour's",
      `${concept}/permissions.ts`,
      from("../community/permissions.ts"),
    ],
    [
      "a concept uses common",
      `${concept}/store.ts`,
      from("../../../common/database.ts"),
    ],
    [
      "an action tells of what it has done",
      `${concept}/actions.ts`,
      from("../../../notices/store.ts"),
    ],
    [
      "the mail tells it in sentences",
      "mail/worker.ts",
      from("../notices/sentence.ts"),
    ],
    [
      "the schema gathers resolvers",
      "subgraphs/community/schema.ts",
      from("./membership/resolvers.ts"),
    ],
    [
      "a subgraph's main builds its schema",
      "subgraphs/community/main.ts",
      from("./schema.ts"),
    ],
    [
      "the gateway's main starts subgraphs",
      "gateway/main.ts",
      from("../subgraphs/community/schema.ts"),
    ],
    [
      "the installation joins everything",
      "installation/main.ts",
      from("../issuer/provider.ts"),
    ],
    [
      "a test uses its support",
      "tests/community/community.test.ts",
      from("../support/world.ts"),
    ],
  ])("%s", async (_, file, code) => {
    expect(await faults(file, code)).toEqual([]);
  });

  test.each([
    [
      "an action calls a resolver",
      `${concept}/actions.ts`,
      from("./resolvers.ts"),
    ],
    ["a store calls an action", `${concept}/store.ts`, from("./actions.ts")],
    [
      "some of the actions call a resolver",
      `${concept}/change-actions.ts`,
      from("./resolvers.ts"),
    ],
    [
      "a store names the context",
      `${concept}/store.ts`,
      typeFrom("../context.ts"),
    ],
    [
      "a permission calls an action",
      `${concept}/permissions.ts`,
      from("./actions.ts"),
    ],
    [
      "a resolver builds the context",
      `${concept}/resolvers.ts`,
      from("../context.ts"),
    ],
    [
      "an action calls a neighbour's action",
      `${concept}/actions.ts`,
      from("../invitation/confirming-actions.ts"),
    ],
    [
      "a subgraph imports another",
      `${concept}/store.ts`,
      from("../../tenant/identity/store.ts"),
    ],
    [
      "a subgraph names another's type",
      `${concept}/store.ts`,
      typeFrom("../../tenant/identity/store.ts"),
    ],
    [
      "a concept imports its subgraph's main",
      `${concept}/store.ts`,
      from("../main.ts"),
    ],
    [
      "common imports a concept",
      "common/page.ts",
      from("../subgraphs/community/membership/store.ts"),
    ],
    [
      "common imports the gateway",
      "common/subgraph.ts",
      from("../gateway/config.ts"),
    ],
    [
      "common names what happens in the domain",
      "common/mail-store.ts",
      typeFrom("../notices/store.ts"),
    ],
    [
      "the gateway's server imports a subgraph",
      "gateway/server.ts",
      from("../subgraphs/community/schema.ts"),
    ],
    [
      "the gateway's server imports the issuer",
      "gateway/server.ts",
      from("../issuer/provider.ts"),
    ],
    [
      "the mail imports a subgraph",
      "mail/worker.ts",
      from("../subgraphs/tenant/identity/store.ts"),
    ],
    [
      "the issuer imports a subgraph",
      "issuer/provider.ts",
      from("../subgraphs/tenant/identity/store.ts"),
    ],
    [
      "a command imports tests",
      "commands/import.ts",
      from("../tests/support/world.ts"),
    ],
    [
      "a benchmark imports tests",
      "bench/page.ts",
      from("../tests/support/world.ts"),
    ],
    [
      "the product imports benchmarks",
      "installation/main.ts",
      from("../bench/page.ts"),
    ],
    [
      "re-exports count",
      "common/page.ts",
      'export { x } from "../gateway/config.ts";',
    ],
    [
      "dynamic imports count",
      "common/page.ts",
      'await import("../gateway/config.ts");',
    ],
  ])("refused: %s", async (_, file, code) => {
    expect(await faults(file, code)).toEqual(["tributary/import-direction"]);
  });
});

describe("SQL stays in stores and migrations", () => {
  const statements = [
    'export const rows = (db: Db) => db.raw("x");',
    'export const rows = (db: Db) => db.whereRaw("x");',
    'export const sql = "select id from t";',
    'export const sql = "SELECT id FROM t";',
    "export const sql = (t: string) => `\n  select id from ${t}`;",
    'export const sql = "update t set x = 1";',
    'export const sql = "with recursive t as (select 1) select 2";',
    'export const rows = (db: Db) => db("community.memberships as m");',
  ];

  test.each(statements)("refused in an action: %s", async (code) => {
    expect(
      await faults("subgraphs/community/membership/actions.ts", code),
    ).toEqual(["no-restricted-syntax"]);
  });

  test.each([
    "subgraphs/community/membership/store.ts",
    "issuer/grant-adapter.ts",
    "migrations/20260101000000_community_memberships.ts",
    "common/database.ts",
  ])("welcome in %s", async (file) => {
    for (const code of statements) expect(await faults(file, code)).toEqual([]);
  });

  test.each([
    ["subgraphs/stream/event/single-store.ts", []],
    ["subgraphs/stream/share/store.ts", ["no-restricted-syntax"]],
  ])("tables of events in %s: %j", async (file, expected) => {
    for (const code of [
      "export const sql = `select e.ts from stream.events e`;",
      'export const sql = "select l.ts from stream.latest l";',
    ])
      expect(await faults(file, code)).toEqual(expected);
  });

  test("a sentence is no statement", async () => {
    const code = 'export const message = "Select a tenant, or update yours.";';
    expect(await faults("gateway/server.ts", code)).toEqual([]);
  });

  test("a store knows nothing of GraphQL", async () => {
    const code = 'import { parse } from "graphql"; parse("");';
    expect(
      await faults("subgraphs/community/membership/store.ts", code),
    ).toEqual(["no-restricted-imports"]);
  });
});

test.each([
  ["subgraphs/stream/event/summary.ts", ["no-restricted-imports"]],
  ["subgraphs/stream/event/resolvers.ts", []],
])("types of the graph in %s: %j", async (file, expected) => {
  const code =
    'import type { X } from "../generated.ts"; export type Y = X | null;';
  expect(await faults(file, code)).toEqual(expected);
});

describe("the environment is read in main.ts", () => {
  const reading = "export const port = process.env;";

  test.each(["gateway/main.ts", "commands/import.ts", "bench/page.ts"])(
    "and in %s",
    async (file) => {
      expect(await faults(file, reading)).toEqual([]);
    },
  );

  test.each([
    [reading, "no-restricted-properties"],
    ["export const { env } = process;", "no-restricted-properties"],
    [
      'import { env } from "node:process"; export const port = env;',
      "no-restricted-imports",
    ],
  ])("refused elsewhere: %s", async (code, rule) => {
    expect(await faults("gateway/server.ts", code)).toEqual([rule]);
  });
});

test("exports have names", async () => {
  expect(await faults("gateway/server.ts", "export default 1;")).toEqual([
    "no-restricted-syntax",
  ]);
});

test("no rule is switched off in passing", async () => {
  const code = "/* eslint-disable no-restricted-syntax */ export default 1;";
  expect(await faults("gateway/server.ts", code)).toContain(
    "no-restricted-syntax",
  );
});

test("a promise that nobody awaits is a fault, a statement that is extended is none", async () => {
  const code = `
    import type { Knex } from "knex";
    const work = async () => {};
    export function start(db: Knex) {
      work();
      db("x").insert({});
      db("x").where({ id: 1 }).update({});
      const query = db("x");
      query.whereRaw("true");
      return query;
    }`;
  expect(await faultsCompiled("common/database.ts", code)).toEqual([
    "@typescript-eslint/no-floating-promises",
    "@typescript-eslint/no-floating-promises",
    "@typescript-eslint/no-floating-promises",
  ]);
});

/** By all rules, in a project of this file alone: to compile the whole of ours for it takes four times as long. */
async function faultsCompiled(file: string, code: string) {
  const folder = await mkdtemp(join(tmpdir(), "tributary-lint-"));
  try {
    await symlink(resolve("node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: resolve("tsconfig.json"), include: [file] }),
    );
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await writeFile(join(folder, file), code);
    const eslint = new ESLint({
      cwd: folder,
      overrideConfigFile: resolve("eslint.config.js"),
    });
    return await faults(file, code, eslint);
  } finally {
    await rm(folder, { recursive: true });
  }
}
