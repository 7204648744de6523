import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { buildSchema } from "graphql";
import { readSupergraph } from "../gateway/supergraph.ts";
import { rows } from "./support/rules.ts";

/** Who must have tried each row, as the lines of the tables name them. */
const kinds: Readonly<Record<string, RegExp>> = {
  "an anonymous caller": /anonymous/,
  "a person without a tenant": /person without a tenant/,
  "a user": /: (user|AA|DS)/,
  "a client": /: client/,
  "a disabled client": /disabled/,
  "a removed identity": /removed/,
  "an account administrator": /: AA/,
  "a data steward": /: DS/,
  "a contributor": /CONTRIBUTOR/,
  "a viewer": /VIEWER/,
  "an administrator of the community": /, ADMINISTRATOR/,
  "a moderator": /, MODERATOR/,
  "a member": /, MEMBER/,
  "the owner tenant": /^(owner|plant):/,
  "another tenant that is in": /^(member|partner):/,
  "a tenant that is not in": /^stranger:/,
  "a tenant without entitlement": /^unentitled:/,
  "a tenant that is invited": /^(invited|addressee):/,
  "a tenant that has accepted": /^(accepted|pending):/,
  "a tenant that was removed": /^former:/,
};

const sources = readdirSync(new URL(".", import.meta.url), {
  recursive: true,
  encoding: "utf8",
})
  .filter((path) => path.endsWith("permissions.test.ts") && path.includes("/"))
  .map((path) => readFileSync(new URL(path, import.meta.url), "utf8"));

/** The tables of the matrices: the rows that each one names, and its callers. */
const tables = sources.flatMap((source) =>
  [...source.matchAll(/\n {20,}\S.*\n {20,}([TCS]\d.*)\n([^`]+)`/g)].map(
    ([, named = "", lines = ""]) => ({
      rows: named.trim().split(/[\s,]+/),
      callers: lines.trim().split("\n"),
    }),
  ),
);

test("there are tables, and they name no row that is not in the domain", () => {
  expect(tables.length).toBeGreaterThanOrEqual(10);
  expect(
    tables.flatMap((table) => table.rows).filter((row) => !rows.includes(row)),
  ).toEqual([]);
});

test.each(rows)("%s is tried by every kind of caller", (row) => {
  const callers = tables
    .filter((table) => table.rows.includes(row))
    .flatMap((table) => table.callers);
  const missing = Object.keys(kinds).filter(
    (kind) => !callers.some((caller) => kinds[kind]?.test(caller)),
  );
  expect(missing).toEqual([]);
});

test("every root field is tried", () => {
  const schema = buildSchema(readSupergraph(), { assumeValid: true });
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap(
    (root) => Object.keys(root?.getFields() ?? {}),
  );
  expect(fields.length).toBeGreaterThan(40);
  expect(
    fields.filter((field) => !new RegExp(`\\b${field}\\b`).test(tried)),
  ).toEqual([]);
});

/** What stands in the tables' operations; a column may be named otherwise. */
const tried = sources
  .flatMap((source) => source.match(/[`"][^`"\n]*\b[^`"\n]*[`"]/g) ?? [])
  .join("\n");
