import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  buildClientSchema,
  getIntrospectionQuery,
  getNamedType,
  isLeafType,
  isNonNullType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from "graphql";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { ledgerOf } from "../support/ledger.ts";
import { rowOrRule } from "../support/rules.ts";
import { as } from "../support/run.ts";
import { Seed } from "../support/seed.ts";

type Field = GraphQLField<unknown, unknown>;

let database: TestDatabase;
let graph: TestGraph;
let schema: GraphQLSchema;
let world: Awaited<ReturnType<typeof seedWorld>>;
beforeAll(async () => {
  database = await TestDatabase.create();
  graph = await startGraph(database, "in one process");
  world = await seedWorld();
  schema = buildClientSchema(
    await ask(
      world.owner,
      getIntrospectionQuery({ inputValueDeprecation: true }),
    ),
  );
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

/** A stream and all about it that may be null, told; its owner, who may see everything, and a reader of a partner. */
async function seedWorld() {
  const seed = new Seed(database.owner);
  const plant = await seed.tenant("Plant");
  const vendor = await seed.tenant("Vendor");
  const community = await seed.community(plant);
  const identity = await seed.user(plant, [
    "ACCOUNT_ADMINISTRATOR",
    "DATA_STEWARD",
  ]);
  const reader = await seed.user(vendor);
  await seed.member(community.ownerMembership, identity, "ADMINISTRATOR");
  await seed.member(await seed.membership(community, vendor), reader);
  await database
    .owner("community.memberships")
    .where({ id: community.ownerMembership.id })
    .update({ alias: "The plant", contact_email: "data@example.com" });

  const owner = as(identity);
  const make = async (mutation: string, input: object, answer = "id") => {
    const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
    const made = await ask<Record<string, { id: string }>>(
      owner,
      `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${answer} } }`,
      { input },
    );
    return made[mutation]?.id ?? "";
  };
  await make("updateTenant", { region: "eu" });
  const namespaceId = await make("createNamespace", { name: "Compressors" });
  const typeId = await make("createStreamType", {
    namespaceId,
    name: "Pressure",
    properties: [{ name: "value", kind: "FLOAT" }],
  });
  const stream = await make("createStream", {
    ...{ namespaceId, typeId, externalId: "PI-1", description: "Suction" },
    ...{ metadata: { loop: 1 }, retention: "P100Y" },
  });
  await make(
    "writeEvents",
    {
      mode: "INSERT",
      streams: [{ streamId: stream, timestamps: [time], values: [1] }],
    },
    "eventCount",
  );
  await make("shareStreams", {
    streamIds: [stream],
    communityIds: [community.uuid],
  });
  await (await ledgerOf(database)).seal();
  return {
    owner,
    foreigner: as(reader),
    stream,
    tenant: plant.uuid,
    community: community.uuid,
  };
}

const time = "2026-01-01T00:00:00Z";

/** How an object of each type is reached, by the owner and by the foreigner alike. */
const reached: Readonly<Record<string, (fields: string) => string>> = {
  Stream: (fields) => `stream(id: "${world.stream}") { ${fields} }`,
  Tenant: (fields) => `tenant(id: "${world.tenant}") { ${fields} }`,
  Membership: (fields) =>
    `community(id: "${world.community}") { membership(tenantId: "${world.tenant}") { ${fields} } }`,
  Share: (fields) =>
    `stream(id: "${world.stream}") { sharedThrough { nodes { ${fields} } } }`,
};

const window = `window: { from: "${time}", to: "2026-01-01T00:01:00Z" }`;

/** Of those fields that need some. */
const args: Readonly<Record<string, string>> = {
  at: `(timestamp: "${time}")`,
  events: `(${window})`,
  interpolated: `(timestamps: ["${time}"])`,
  summaries: `(${window}, count: 1)`,
  plot: `(${window}, width: 1)`,
  lttb: `(${window}, points: 3)`,
};

test.each(Object.keys(reached))(
  "what of a %s is null to a partner alone has its row or rule in the contract",
  async (name) => {
    const fields = Object.values(
      (schema.getType(name) as GraphQLObjectType).getFields(),
    ).filter(({ type }) => !isNonNullType(type));
    const nulls = async (caller: Viewer) => {
      const asked = ["__typename", ...fields.map(select)].join(" ");
      const found = innermost(
        await ask(caller, `{ ${reached[name]?.(asked)} }`),
      );
      return fields.filter((field) => found[field.name] === null);
    };
    expect(await nulls(world.owner)).toEqual([]);
    const silent = (await nulls(world.foreigner)).filter(
      ({ description }) => !rowOrRule.test(description ?? ""),
    );
    expect(silent.map((field) => `${name}.${field.name}`)).toEqual([]);
  },
);

const select = ({ name, type }: Field): string =>
  `${name}${args[name] ?? ""}${isLeafType(getNamedType(type)) ? "" : " { __typename }"}`;

/** The object that was asked for, below those with one field alone that lead to it. */
function innermost(value: unknown): Record<string, unknown> {
  const [only, ...others] = Object.values(value as Record<string, unknown>);
  return others.length === 0 && only !== null && typeof only === "object"
    ? innermost(only)
    : (value as Record<string, unknown>);
}

async function ask<Data = never>(
  caller: Viewer,
  query: string,
  variables = {},
): Promise<Data> {
  const { data, errors } = await graph.request(caller, query, variables);
  expect(errors).toEqual([]);
  return data as unknown as Data;
}
