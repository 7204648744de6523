import { afterAll, beforeAll, expect, test } from "@jest/globals";
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
let plant: Row;
let community: Row & { ownerMembership: Membership };
let attacker: Identity;
let steward: Identity;
let shared: Stream;
let hidden: Stream;

/** The plant shares one of two streams with the attacker's tenant, which has a stream of its own. */
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  const seed = new Seed(database.owner);
  plant = await seed.tenant("Plant");
  const vendor = await seed.tenant("Vendor");
  community = await seed.community(plant);
  const membership = await seed.membership(community, vendor);
  attacker = await seed.user(vendor, ["VIEWER"]);
  await seed.member(membership, attacker);
  steward = await seed.user(plant, ["DATA_STEWARD"]);
  await seed.member(community.ownerMembership, steward);
  shared = await seed.stream(plant, { name: "Flow of gas" });
  hidden = await seed.stream(plant, { name: "Level of secrets" });
  await seed.share(shared, community.ownerMembership);
  await seed.share(await seed.stream(vendor, { name: "Own flow" }), membership);
  await keep("zirconia", "quicksilver");
});
afterAll(() => database.drop());

/** What rule 18 keeps from the attacker, of both streams. */
async function keep(externalId: string, serial: string): Promise<void> {
  for (const { id, uuid } of [shared, hidden])
    await database
      .owner("stream.streams")
      .where({ id })
      .update({
        external_id: `${externalId}-${uuid}`,
        metadata: { serial, [serial]: "x" },
      });
}

const secrets = ["zirconia", "quicksilver", "secrets", "serial"];

/** Every way to ask for one word. */
const questions = (secret: string) => [
  secret,
  secret.slice(0, 2),
  secret.slice(2, 6),
  `"${secret}"`,
  `${secret}*`,
  `*${secret.slice(3)}`,
  `externalId:${secret}`,
  `externalId:${secret}*`,
  `metadata:${secret}`,
  `metadata:"${secret}"`,
  `NOT ${secret}`,
  `NOT externalId:${secret}*`,
  `flow OR ${secret}`,
  `flow AND NOT metadata:${secret}`,
  `NOT (NOT ${secret})`,
  `flow (${secret} OR gas)`,
];
const attacks = [
  ...secrets.flatMap(questions),
  "externalId:*",
  "metadata:*",
  "NOT externalId:*",
  "NOT metadata:*",
  `metadata:"{"`,
  "externalId:a* OR externalId:z*",
];

const orders = ["NAME", "RELEVANCE", "UPDATED_AT"];

/** Through every door; errors are part of the answer. */
async function answers(caller: Identity, searches: readonly string[]) {
  const all = [];
  for (const [i, search] of searches.entries()) {
    const field = orders[i % orders.length];
    all.push([
      search,
      field,
      await run(
        subgraph,
        as(caller),
        `query ($search: String, $field: StreamOrderField!, $id: ID!, $refs: [_Any!]!) {
             streams(search: $search, orderBy: { field: $field }) { totalCount nodes { name isOwn } }
             here: streams(search: $search, communityIds: [$id]) { totalCount nodes { name isOwn } }
             others: streams(search: $search, from: SHARED) { totalCount nodes { name } }
             _entities(representations: $refs) { ... on Community {
               streams(search: $search, orderBy: { field: $field }) { totalCount nodes { name isOwn } } } }
           }`,
        {
          search,
          field,
          id: community.uuid,
          refs: [{ __typename: "Community", id: community.uuid }],
        },
      ),
    ]);
  }
  return JSON.stringify(all);
}

test("a search answers another tenant the same, whatever rule 18 keeps from it", async () => {
  const before = await answers(attacker, attacks);
  expect(before).not.toContain("Level of secrets");
  const toOwner = await answers(steward, secrets);
  await keep("asbestos", "x");
  await database
    .owner("stream.streams")
    .where({ id: hidden.id })
    .update({ name: "Nothing", description: "flow quicksilver gas" });
  expect(await answers(attacker, attacks)).toBe(before);
  expect(await answers(steward, secrets)).not.toBe(toOwner);
  await keep("zirconia", "quicksilver");
}, 300_000);

test("nothing that rule 18 keeps from other tenants finds a shared stream", async () => {
  for (const search of [
    "zirconia",
    "quicksilver",
    "externalId:*",
    "metadata:*",
  ]) {
    const { data, errors } = await run(
      subgraph,
      as(attacker),
      `query ($search: String) { streams(search: $search, from: SHARED) { totalCount nodes { name } } }`,
      { search },
    );
    expect([errors, data]).toEqual([
      [],
      { streams: { totalCount: 0, nodes: [] } },
    ]);
  }
});

test("no row by which others search holds a word that is the owner's alone, or of a stream that is not shared", async () => {
  const { rows } = await database.owner.raw<{ rows: { word: string }[] }>(
    `select word from stream.words where scope = 'SHARED' and tenant_id = ?
     union select word from stream.vocabulary where scope = 'SHARED'`,
    [plant.id],
  );
  const words = rows.map(({ word }) => word);
  expect(words).toEqual(expect.arrayContaining(["flow", "gas"]));
  for (const secret of [...secrets, "level"])
    expect(words).not.toContain(secret);
});

test("what is shared no more is found no more, and its words are gone", async () => {
  await database
    .owner("stream.shares")
    .where({ stream_id: shared.id })
    .delete();
  const { data } = await run(
    subgraph,
    as(attacker),
    `{ streams(search: "gas") { totalCount nodes { name } } }`,
  );
  expect(data).toEqual({ streams: { totalCount: 0, nodes: [] } });
  const left = await database
    .owner("stream.words")
    .where({ scope: "SHARED", stream_id: shared.id });
  expect(left).toEqual([]);
});
