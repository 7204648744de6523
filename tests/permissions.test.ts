import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import {
  buildSchema,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from "graphql";
import {
  allow,
  guardedByStore,
  protect,
  signedIn,
  type PermissionMap,
} from "../common/permissions.ts";
import { schema as community } from "../subgraphs/community/schema.ts";
import { schema as stream } from "../subgraphs/stream/schema.ts";
import { schema as tenant } from "../subgraphs/tenant/schema.ts";
import { rowOrRule } from "./support/rules.ts";

const subgraphs = Object.entries({ tenant, community, stream });

type Field = GraphQLField<unknown, unknown>;

const typesOf = (schema: GraphQLSchema): GraphQLObjectType[] =>
  Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType =>
      isObjectType(type) && !type.name.startsWith("__"),
  );

const isRoot = ({ name }: GraphQLObjectType) =>
  ["Query", "Mutation", "Subscription"].includes(name);

const fieldsOf = (type: GraphQLObjectType): Field[] =>
  Object.values(type.getFields());

describe.each(subgraphs)("the %s subgraph", (name, schema) => {
  test("names in each root field's description the row of the domain that guards it", () => {
    const silent = typesOf(schema)
      .filter(isRoot)
      .flatMap((root) => fieldsOf(root))
      .filter((field) => !field.name.startsWith("_"))
      .filter(({ description }) => !rowOrRule.test(description ?? ""));
    expect(silent.map((field) => field.name)).toEqual([]);
  });

  test("names it in the description of each field that not every reader is shown, too", () => {
    const silent = typesOf(schema)
      .flatMap((type) => fieldsOf(type).map((field) => ({ type, field })))
      .filter(({ field }) => isForSome(field.description ?? ""))
      .filter(({ field }) => !rowOrRule.test(field.description ?? ""));
    expect(silent.map(({ type, field }) => `${type}.${field.name}`)).toEqual(
      [],
    );
  });

  test("wraps its root fields and no other, so that lists cost nothing", async () => {
    const written = await resolversOf(name);
    const wrapped = typesOf(schema).flatMap((type) =>
      fieldsOf(type)
        .filter(({ name: field, resolve }) =>
          isRoot(type)
            ? resolve === written.get(`${type}.${field}`)
            : resolve !== written.get(`${type}.${field}`),
        )
        .map((field) => `${type}.${field.name}`),
    );
    expect(wrapped).toEqual([]);
  });
});

const isForSome = (description: string) =>
  /\b(null (to other|for another|unless)|own \w+ only)\b/i.test(description);

/** The resolvers as the concepts export them, by type and field. */
async function resolversOf(subgraph: string): Promise<Map<string, unknown>> {
  const folder = new URL(`../subgraphs/${subgraph}/`, import.meta.url);
  const files = readdirSync(folder)
    .map((concept) => new URL(`${concept}/resolvers.ts`, folder))
    .filter((file) => existsSync(file));
  expect(files.length).toBeGreaterThan(0);
  const written = new Map<string, unknown>();
  for (const file of files) {
    const { resolvers } = (await import(file.href)) as {
      resolvers: Record<string, Record<string, unknown>>;
    };
    for (const [type, fields] of Object.entries(resolvers))
      for (const [field, resolve] of Object.entries(fields))
        written.set(`${type}.${field}`, resolve);
  }
  return written;
}

describe("protecting a schema", () => {
  const schema = buildSchema(
    `type Query { open: Int secret: Row } type Row { id: ID } type Hidden { id: ID }`,
  );
  const complete = {
    Query: { open: allow, secret: signedIn },
    Row: guardedByStore,
    Hidden: guardedByStore,
  } satisfies PermissionMap;

  test("succeeds when every root field has a rule and every type is named", () => {
    expect(() => protect(schema, [complete])).not.toThrow();
  });

  test.each<[string, PermissionMap, string]>([
    [
      "a root field without a rule",
      { ...complete, Query: { open: allow } },
      "Query.secret has no rule",
    ],
    [
      "root fields left to their store",
      { ...complete, Query: guardedByStore },
      "Query.open has no rule",
    ],
    [
      "a type that no map names",
      { Query: complete.Query, Row: guardedByStore },
      "type Hidden is not named by any permission map",
    ],
    [
      "a rule for a field that is not there",
      { ...complete, Query: { ...complete.Query, gone: allow } },
      "a permission map names Query.gone, which the schema does not have",
    ],
    [
      "a rule for a type that is not there",
      { ...complete, Gone: guardedByStore },
      "a permission map names Gone, which the schema does not have",
    ],
  ])("refuses %s", (_what, map, fault) => {
    expect(() => protect(schema, [map])).toThrow(fault);
  });
});
