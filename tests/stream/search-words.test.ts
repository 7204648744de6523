import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let steward: Identity;
let reader: Identity;
/** The plant's places in all communities; in the first one the reader takes part. */
let places: readonly Membership[];
let first: Row & { ownerMembership: Membership };
let stream: Stream;

beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant("Plant");
  const vendor = await seed.tenant("Vendor");
  steward = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR", "CONTRIBUTOR"]);
  reader = await seed.user(vendor, ["VIEWER"]);
  first = await seed.community(plant);
  await seed.member(await seed.membership(first, vendor), reader);
  places = [first.ownerMembership];
  for (let more = 0; more < 101; more += 1)
    places = [...places, (await seed.community(plant)).ownerMembership];
});
afterAll(() => database.drop());

beforeEach(async () => {
  await database.owner("stream.streams").delete();
  stream = await seed.stream(plant, { name: "Flow of gas" });
});

const shareWith = (memberships: readonly Membership[]) =>
  database.owner.raw(
    `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
     select s.tenant_id, s.id, m.id, s.uuid, m.community_id, s.uuid, s.name
     from stream.streams s, community.memberships m where s.id = ? and m.id = any (?)`,
    [stream.id, memberships.map(({ id }) => id)],
  );

const update = async (values: object) => {
  const { errors } = await run(
    subgraph,
    as(steward),
    `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { id } }`,
    { input: { id: stream.uuid, ...values } },
  );
  expect(errors).toEqual([]);
};

/** What the reader finds in the first community, and in all where it takes part. */
async function found(search: string): Promise<string[]> {
  const { data, errors } = await run(
    subgraph,
    as(reader),
    `query ($search: String!, $refs: [_Any!]!) {
       streams(search: $search) { totalCount nodes { name } }
       _entities(representations: $refs) { ... on Community { streams(search: $search) { totalCount nodes { name } } } }
     }`,
    { search, refs: [{ __typename: "Community", id: first.uuid }] },
  );
  expect(errors).toEqual([]);
  interface List {
    totalCount: number;
    nodes: { name: string }[];
  }
  const all = data?.["streams"] as unknown as List;
  const [here] = data?.["_entities"] as unknown as [{ streams: List }];
  expect(here.streams).toEqual(all);
  expect(all.totalCount).toBe(all.nodes.length);
  return all.nodes.map(({ name }) => name);
}

/** Each row by which the stream is found, with the place where it lies. */
const rows = async () =>
  (await database
    .owner("stream.words")
    .where({ stream_id: stream.id })
    .select("scope", "scope_id", "word", "name", database.owner.raw("ctid"))
    .orderBy(["scope", "scope_id", "word", "name"])) as {
    scope: string;
    word: string;
    name: string;
    ctid: string;
  }[];

const wordsOf = async (scope: string) => [
  ...new Set(
    (await rows()).filter((row) => row.scope === scope).map((row) => row.word),
  ),
];

test.each([
  ["a description", { description: "gas under guarantee" }, 2, 0],
  ["a description without a new word", { description: "of a flow" }, 1, 0],
  ["tags", { tags: ["critical", "gas"] }, 1, 0],
  ["metadata, which others do not see", { metadata: { serial: "x99" } }, 2, 0],
  ["the name as it was", { name: "Flow of gas" }, 0, 0],
  ["another extrapolation", { extrapolation: "NONE" }, 0, 0],
])(
  "%s writes the words that are new, and leaves the rest as it lies",
  async (what, values, added, gone) => {
    await shareWith(places.slice(0, 2));
    const before = await rows();
    await update(values);
    const after = await rows();
    const lying = new Set(before.map(({ ctid }) => ctid));
    const stayed = after.filter(({ ctid }) => lying.has(ctid));
    expect(before.length - stayed.length).toBe(gone);
    const scopes = what.startsWith("metadata") ? 1 : 3;
    expect(after.length - stayed.length).toBe(added * scopes);
  },
);

test("after any change the rows are those that would be written anew", async () => {
  await shareWith(places.slice(0, 3));
  for (const values of [
    { name: "Level", description: "Gas of the burner", tags: ["flow", "b"] },
    { description: "burner", metadata: { b: "level", c: "d" } },
    { name: "Level ", tags: [] },
    { description: null, metadata: null, name: "Flow and level" },
  ]) {
    await update(values);
    const kept = await rows();
    await database.owner("stream.words").delete();
    await database.owner.raw(
      `select stream.add_words(array_agg(h.tenant_id), array_agg(h.stream_id), array_agg(h.membership_id), array_agg(h.community_id))
       from (select s.tenant_id, s.id as stream_id, null::int as membership_id, null::int as community_id from stream.streams s
             union all select h.tenant_id, h.stream_id, h.membership_id, h.community_id from stream.shares h) h`,
    );
    const anew = await rows();
    const told = anew.map((row) => ({ ...row, ctid: expect.anything() }));
    expect(kept).toEqual(told);
  }
});

test("a stream that is shared widely has one row in each community, which a change of words leaves as it lies", async () => {
  await shareWith(places.slice(0, 100));
  expect(await wordsOf("SHARED")).toEqual(
    expect.arrayContaining(["flow", "of", "gas"]),
  );
  await shareWith(places.slice(100));
  expect(await wordsOf("SHARED")).toEqual([""]);
  const shared = (await rows()).filter(({ scope }) => scope === "SHARED");
  expect(shared).toHaveLength(places.length);
  await update({ description: "under guarantee" });
  expect((await rows()).filter(({ scope }) => scope === "SHARED")).toEqual(
    shared,
  );
  expect(await wordsOf("OWN")).toContain("guarantee");
});

test("and is found by whatever its texts are now, as far as others see them, among the others by name", async () => {
  await shareWith(places);
  await seed.share(
    await seed.stream(plant, { name: "Gas alone" }),
    first.ownerMembership,
  );
  await seed.share(
    await seed.stream(plant, { name: "Rest of gas" }),
    first.ownerMembership,
  );
  await update({
    description: "under guarantee",
    metadata: { serial: "quicksilver" },
  });
  expect(await found("gas")).toEqual(
    ["Gas alone", "Flow of gas", "Rest of gas"].sort(),
  );
  expect(await found("guarantee")).toEqual(["Flow of gas"]);
  expect(await found("quicksilver")).toEqual([]);
  await update({ name: "Pump", description: "no more" });
  expect(await found("gas")).toEqual(["Gas alone", "Rest of gas"]);
  expect(await found("pump OR alone")).toEqual(["Gas alone", "Pump"]);
  await database
    .owner("stream.shares")
    .where({ membership_id: first.ownerMembership.id, stream_id: stream.id })
    .delete();
  expect(await found("pump")).toEqual([]);
});

test("several words are found where each of them stands, be it shared widely or not, and a word within a longer one", async () => {
  const long = `${"x".repeat(50)}pump${"y".repeat(60)}`;
  await shareWith(places);
  for (const name of ["Null of gas", `Gas ${long}`, "Null alone"])
    await seed.share(await seed.stream(plant, { name }), first.ownerMembership);
  await update({ description: "null" });
  for (const [search, names] of [
    ["gas AND null", ["Flow of gas", "Null of gas"]],
    ["gas null (of OR alone)", ["Flow of gas", "Null of gas"]],
    ["gas pump", [`Gas ${long}`]],
    ["pump*", []],
    ["x*", [`Gas ${long}`]],
    ["*pump", []],
  ] as const)
    expect([search, await found(search)]).toEqual([search, names]);
});
