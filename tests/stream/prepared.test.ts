import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import { Seed, type Stream } from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

/*
 * What a connection has prepared it keeps, with megabytes of PostgreSQL's memory: whatever somebody asks, the statements
 * that are prepared for it are few.
 */
let database: TestDatabase;
let subgraph: Subgraph;
let reader: Viewer;
let stream: Stream;
let wide: Stream;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  reader = as(await seed.user(tenant, ["VIEWER"]));
  stream = await seed.stream(tenant);
  await seed.events(stream, 3);
  wide = await seed.stream(tenant, {
    properties: [
      { name: "a", kind: "FLOAT" },
      { name: "b", kind: "TEXT" },
    ],
  });
});
afterAll(() => database.drop());

/** The texts of statements that are prepared while something is done. */
async function preparedBy(work: () => Promise<unknown>): Promise<string[]> {
  const texts = new Set<string>();
  const listen = ({ sql, options }: { sql: string; options?: object }) => {
    if (options && "name" in options) texts.add(sql);
  };
  const db = database.as("stream");
  db.on("query", listen);
  try {
    await work();
  } finally {
    db.off("query", listen);
  }
  return [...texts];
}

const ask = async (query: string, variables: Record<string, unknown> = {}) =>
  expect(outcome(await run(subgraph, reader, query, variables))).toBe("ok");

const window = `window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }`;
const kinds = [
  ...["COUNT", "MINIMUM", "MAXIMUM", "RANGE", "MEAN", "TOTAL", "FIRST"],
  ...["STANDARD_DEVIATION", "POPULATION_STANDARD_DEVIATION", "LAST"],
  ...["TIME_WEIGHTED_MEAN", "PERCENT_GOOD"],
];
const times = Array.from(
  { length: 12 },
  (_, i) => `2026-01-01T00:00:${i + 10}Z`,
);
const words = Array.from({ length: 12 }, (_, i) => `word${i}`);

const summaries = `query ($id: ID!, $of: [SummaryKind!]) { stream(id: $id) {
  summaries(${window}, count: 1, kinds: $of) { columns { values } }
} }`;

test.each<[string, string, (i: number) => Record<string, unknown>]>([
  [
    "the order of kinds",
    summaries,
    (i) => ({ of: [...kinds.slice(i), ...kinds.slice(0, i)] }),
  ],
  [
    "the order of usual kinds, and kinds that are named twice",
    summaries,
    (i) => ({ of: i % 2 ? ["COUNT", "MEAN"] : ["MEAN", "COUNT", "MEAN"] }),
  ],
  ["which kinds", summaries, (i) => ({ of: ["LAST", ...kinds.slice(0, i)] })],
  [
    "a filter",
    `query ($id: ID!, $of: String) { stream(id: $id) { events(${window}, filter: $of) { values } plot(${window}, width: 2) { values } } }`,
    (i) => ({
      of: times
        .slice(i)
        .map((_, j) => `value > ${j}`)
        .join(" and "),
    }),
  ],
  [
    "how many times",
    `query ($id: ID!, $of: [DateTime!]) { stream(id: $id) { interpolated(timestamps: $of) { values } } }`,
    (i) => ({ of: times.slice(i) }),
  ],
  [
    "words and tags",
    `query ($search: String, $tags: [String!], $ids: [ID!]) {
      streams(search: $search, tags: $tags, tenantIds: $ids) { nodes { id } totalCount }
    }`,
    (i) => ({
      search: words.slice(i).join(" "),
      tags: words.slice(i),
      ids: words.slice(i),
    }),
  ],
  [
    "a search of its own form",
    `query ($search: String) { streams(search: $search) { nodes { id } totalCount } }`,
    (i) => ({ search: words.slice(i).join(" OR NOT ") }),
  ],
  [
    "a search that joins what is joined",
    `query ($search: String) { streams(search: $search) { nodes { id } totalCount } }`,
    (i) => ({
      search: `name:word OR (${words.slice(i).join(" ")} NOT tags:word)`,
    }),
  ],
])("%s: no statement of its own", async (_, query, variables) => {
  const texts = await preparedBy(async () => {
    for (let i = 0; i < 12; i += 1)
      await ask(query, {
        ...(query.includes("$id:") && { id: stream.uuid }),
        ...variables(i),
      });
  });
  expect(texts.length).toBeLessThan(10);
});

test("the properties of a type: no statement of their own", async () => {
  const query = `query ($id: ID!) { stream(id: $id) { plot(${window}, width: 2) { timestamps } } }`;
  const texts = await preparedBy(() => ask(query, { id: wide.uuid }));
  expect(texts.filter((text) => text.includes("stream.events"))).toEqual([]);
});

test("columns stand in the order in which kinds are asked for", async () => {
  const { data } = await run(subgraph, reader, summaries, {
    id: stream.uuid,
    of: ["MINIMUM", "COUNT", "MAXIMUM"],
  });
  expect(data).toEqual({
    stream: {
      summaries: {
        columns: [{ values: [0] }, { values: [3] }, { values: [2] }],
      },
    },
  });
});

test("a list is bound anew to who asks and to what is asked, however many ask at once", async () => {
  const seed = new Seed(database.owner);
  const sides = await Promise.all(
    ["left", "right"].map(async (side) => {
      const plant = await seed.tenant();
      const community = await seed.community(plant);
      for (let i = 0; i < 3; i += 1)
        await seed.share(
          await seed.stream(plant, { name: `${side} ${i}` }),
          community.ownerMembership,
        );
      const company = await seed.tenant();
      const client = await seed.client(company);
      await seed.member(await seed.membership(community, company), client);
      return {
        ...{ side, plant: plant.uuid },
        ...{ viewer: as(client), community: community.uuid },
      };
    }),
  );
  const names = async (
    viewer: Viewer,
    community: string,
    args: { first: number; after?: string; tenantIds?: string[] },
  ) => {
    const { data } = await run(
      subgraph,
      viewer,
      `query ($refs: [_Any!]!, $first: Int, $after: String, $tenantIds: [ID!]) {
        _entities(representations: $refs) { ... on Community {
          streams(first: $first, after: $after, tenantIds: $tenantIds) { nodes { name } pageInfo { endCursor } }
        } }
      }`,
      { refs: [{ __typename: "Community", id: community }], ...args },
    );
    const [found] = (data as unknown as { _entities: [Listed] })._entities;
    return {
      names: found.streams?.nodes.map(({ name }) => name) ?? null,
      after: found.streams?.pageInfo.endCursor ?? "",
    };
  };
  for (let times = 0; times < 3; times += 1)
    await Promise.all(
      sides.map(async ({ side, plant, viewer, community }, i) => {
        const begin = await names(viewer, community, { first: 1 + i });
        const all = [0, 1, 2].map((n) => `${side} ${n}`);
        expect(begin.names).toEqual(all.slice(0, 1 + i));
        const { after } = begin;
        const rest = await names(viewer, community, { first: 9, after });
        expect(rest.names).toEqual(all.slice(1 + i));
        const other = sides[1 - i];
        for (const [tenantId, expected] of [
          [plant, all],
          [other?.plant ?? "", []],
        ] as const) {
          const narrowed = { first: 9, tenantIds: [tenantId] };
          expect((await names(viewer, community, narrowed)).names).toEqual(
            expected,
          );
        }
        const unseen = await names(viewer, other?.community ?? "", {
          first: 9,
        });
        expect(unseen.names).toBeNull();
      }),
    );
});

interface Listed {
  readonly streams: {
    readonly nodes: readonly { name: string }[];
    readonly pageInfo: { endCursor: string | null };
  } | null;
}
