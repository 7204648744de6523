import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let contributor: Identity;
let namespaceId: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant();
  contributor = await seed.user(plant, ["CONTRIBUTOR"]);
  namespaceId = await newNamespace("Line two");
});
afterAll(() => database.drop());

async function newNamespace(name: string): Promise<string> {
  const { data } = await run(
    subgraph,
    as(contributor),
    `mutation { createNamespace(input: { name: "${name}" }) { id } }`,
  );
  return (data?.["createNamespace"] as unknown as { id: string }).id;
}

const fields = `id name description namespace { id } createdAt
  properties { name description kind uom interpolation }`;

const create = (input: object, caller = contributor) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: CreateStreamTypeInput!) { createStreamType(input: $input) { ${fields} } }`,
    { input: { namespaceId, ...input } },
  );

const property = (name: string, kind = "FLOAT", more: object = {}) => ({
  name,
  kind,
  ...more,
});

describe("creating a stream type", () => {
  test("keeps its properties in order, with the usual interpolation of each kind", async () => {
    const answer = await attempt(database, () =>
      create({
        name: "Compressor",
        description: "One reading",
        properties: [
          property("flow", "FLOAT", { uom: "m3/h", description: "Gas" }),
          property("count", "INTEGER"),
          property("running", "BOOLEAN"),
          property("state", "TEXT", { interpolation: "DISCRETE" }),
        ],
      }),
    );
    expect(answer.errors).toEqual([]);
    const nothing = { description: null, uom: null };
    expect(answer.data?.["createStreamType"]).toEqual({
      id: expect.any(String),
      name: "Compressor",
      description: "One reading",
      namespace: { id: namespaceId },
      createdAt: expect.any(String),
      properties: [
        {
          name: "flow",
          description: "Gas",
          kind: "FLOAT",
          uom: "m3/h",
          interpolation: "CONTINUOUS",
        },
        {
          ...nothing,
          name: "count",
          kind: "INTEGER",
          interpolation: "CONTINUOUS",
        },
        {
          ...nothing,
          name: "running",
          kind: "BOOLEAN",
          interpolation: "STEPWISE_PREVIOUS",
        },
        { ...nothing, name: "state", kind: "TEXT", interpolation: "DISCRETE" },
      ],
    });
  });

  test("again answers the one that there is, and writes nothing", async () => {
    const input = { name: "Again", properties: [property("a"), property("b")] };
    const first = await create(input);
    const entries = await database.owner("ledger.entries");
    const second = await create({ ...input, description: "In other words" });
    expect(second).toEqual(first);
    expect(await database.owner("ledger.entries")).toEqual(entries);
  });

  test("at once makes one", async () => {
    const input = { name: "At once", properties: [property("a")] };
    const answers = await Promise.all([1, 2, 3].map(() => create(input)));
    expect(new Set(answers.map(({ data }) => JSON.stringify(data))).size).toBe(
      1,
    );
  });

  test.each([
    ["other properties", [property("b")]],
    ["another order", [property("y"), property("x")]],
    ["another kind", [property("x", "INTEGER"), property("y")]],
    ["another unit", [property("x", "FLOAT", { uom: "K" }), property("y")]],
    [
      "another interpolation",
      [property("x", "FLOAT", { interpolation: "DISCRETE" }), property("y")],
    ],
  ])("of a taken name with %s is a conflict", async (which, properties) => {
    const name = `Taken by ${which}`;
    await create({ name, properties: [property("x"), property("y")] });
    const answer = await attempt(database, () => create({ name, properties }));
    expect(answer.errors[0]?.extensions).toEqual({
      code: "CONFLICT",
      at: "input.name",
    });
  });

  test.each([
    ["properties", { properties: [] }],
    ["properties.1.name", { properties: [property("a"), property(" a ")] }],
    ["properties.0.name", { properties: [property("")] }],
    [
      "properties.0.uom",
      { properties: [property("a", "FLOAT", { uom: "x".repeat(51) })] },
    ],
    ["name", { name: "\0", properties: [property("a")] }],
  ])("refuses a fault at %s and writes nothing", async (place, input) => {
    const answer = await attempt(database, () =>
      create({ name: "Faulty", ...input }),
    );
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.${place}`,
    });
  });

  test("keeps the states of an ENUM in their order, which belong to the shape", async () => {
    const mode = (...states: string[]) => ({
      name: "Mode",
      properties: [
        property("mode", "ENUM", { states }),
        property("since", "TIMESTAMP"),
      ],
    });
    const { data } = await run(
      subgraph,
      as(contributor),
      `mutation ($input: CreateStreamTypeInput!) { createStreamType(input: $input) { properties { kind interpolation states } } }`,
      { input: { namespaceId, ...mode("off", " on ", 'it\'s "broken", {}') } },
    );
    expect(data?.["createStreamType"]).toEqual({
      properties: [
        {
          kind: "ENUM",
          interpolation: "STEPWISE_PREVIOUS",
          states: ["off", "on", 'it\'s "broken", {}'],
        },
        { kind: "TIMESTAMP", interpolation: "CONTINUOUS", states: null },
      ],
    });
    expect(outcome(await create(mode("on", "off")))).toBe("CONFLICT");
  });

  test.each([
    ["an ENUM without states", "states", property("a", "ENUM")],
    ["none of them", "states", property("a", "ENUM", { states: [] })],
    ["one twice", "states.1", property("a", "ENUM", { states: ["x", " x"] })],
    ["one without a name", "states.0", property("a", "ENUM", { states: [""] })],
    ["states of a FLOAT", "states", property("a", "FLOAT", { states: ["x"] })],
  ])("refuses %s", async (_, place, faulty) => {
    const answer = await attempt(database, () =>
      create({ name: "Faulty", properties: [faulty] }),
    );
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.properties.0.${place}`,
    });
  });

  test("refuses the 1,001st state", async () => {
    const states = Array.from({ length: 1001 }, (_, i) => `s${i}`);
    const { errors } = await create({
      name: "Wide",
      properties: [property("a", "ENUM", { states })],
    });
    expect(errors[0]?.extensions).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  test("refuses the 101st property", async () => {
    const properties = Array.from({ length: 101 }, (_, i) => property(`p${i}`));
    const { errors } = await create({ name: "Wide", properties });
    expect(errors[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      at: "input.properties",
      limit: 100,
      value: 101,
    });
  });
});

describe("stream types", () => {
  test("of a shared stream are shown to its readers, without the namespace; others are not found", async () => {
    const partner = await seed.tenant();
    const community = await seed.community(plant);
    const membership = await seed.membership(community, partner);
    const reader = await seed.user(partner);
    await seed.member(membership, reader);
    const shared = await seed.stream(plant);
    const kept = await seed.stream(plant);
    await seed.share(shared, community.ownerMembership);
    const typeOf = async ({ id }: Row) => {
      const [row] = (await database
        .owner("stream.streams as s")
        .join("stream.stream_types as y", "y.id", "s.type_id")
        .where({ "s.id": id })
        .select("y.uuid")) as [Row];
      return row.uuid;
    };
    const query = `query ($id: ID!) { streamType(id: $id) { name namespace { id } properties { name } } }`;
    const open = await run(subgraph, as(reader), query, {
      id: await typeOf(shared),
    });
    expect(open).toMatchObject({
      data: {
        streamType: { namespace: null, properties: [{ name: "value" }] },
      },
      errors: [],
    });
    for (const id of [await typeOf(kept), "x", community.uuid]) {
      const answer = await run(subgraph, as(reader), query, { id });
      expect(answer.data).toEqual({ streamType: null });
      expect(outcome(answer)).toBe("NOT_FOUND");
    }
  });

  test("of a namespace are searched and paged by name", async () => {
    const id = await newNamespace("Searched");
    for (const name of ["Pump", "Fan", "Pump station"])
      await create({ namespaceId: id, name, properties: [property("a")] });
    const list = (args: string) =>
      run(
        subgraph,
        as(contributor),
        `{ namespace(id: "${id}") { streamTypes(${args}) { totalCount nodes { name } pageInfo { hasNextPage endCursor } } } }`,
      );
    const all = await list(`search: "PUMP", first: 1`);
    expect(all.data?.["namespace"]).toMatchObject({
      streamTypes: {
        totalCount: 2,
        nodes: [{ name: "Pump" }],
        pageInfo: { hasNextPage: true },
      },
    });
    const { endCursor } = (
      all.data?.["namespace"] as unknown as {
        streamTypes: { pageInfo: { endCursor: string } };
      }
    ).streamTypes.pageInfo;
    const next = await list(`search: "PUMP", first: 1, after: "${endCursor}"`);
    expect(next.data?.["namespace"]).toMatchObject({
      streamTypes: { nodes: [{ name: "Pump station" }] },
    });
    expect(outcome(await list(`search: "fan", after: "${endCursor}"`))).toBe(
      "BAD_USER_INPUT",
    );
  });
});
