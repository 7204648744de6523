import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { isEnumType } from "graphql";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run, type Answer } from "../support/run.ts";
import { Seed, type Identity } from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let viewer: Identity;
let reader: Identity;
let community: string;

/**
 * 10,001 streams that one search finds: by name 9,999 that hold its words in their descriptions, then one whose name holds
 * one word, and last the only one whose name holds both.
 */
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  const seed = new Seed(database.owner);
  const plant = await seed.tenant("Plant");
  const vendor = await seed.tenant("Vendor");
  viewer = await seed.user(plant, ["VIEWER"]);
  reader = await seed.user(vendor, ["VIEWER"]);
  const { ownerMembership, ...plants } = await seed.community(plant);
  community = plants.uuid;
  await seed.member(await seed.membership(plants, vendor), reader);
  const { id } = await seed.stream(plant, { name: "C pump flow" });
  await database.owner.raw(
    `insert into stream.streams (tenant_id, namespace_id, type_id, access_list_id, external_id, name, description)
     select s.tenant_id, s.namespace_id, s.type_id, s.access_list_id, 'x' || n,
            case n when 10000 then 'B pump' else 'A ' || to_char(n, 'FM00000') end, 'flow of the pump'
     from stream.streams s, generate_series(1, 10000) n where s.id = ?`,
    [id],
  );
  await database.owner.raw(
    `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
     select s.tenant_id, s.id, m.id, s.uuid, m.community_id, s.uuid, s.name
     from stream.streams s, community.memberships m where m.id = ?`,
    [ownerMembership.id],
  );
  // As a database that is used does by itself; without, PostgreSQL takes ten thousand streams for a few.
  await database.owner.raw(
    "analyze stream.streams, stream.shares, stream.words",
  );
});
afterAll(() => database.drop());

const ranked = `(search: "pump flow", first: 2, orderBy: { field: RELEVANCE }) {
  totalCount nodes { name } pageInfo { hasNextPage } }`;

const found = {
  totalCount: 10_001,
  nodes: [{ name: "B pump" }, { name: "A 00001" }],
  pageInfo: { hasNextPage: true },
};

test.each<[string, () => Promise<Answer>, unknown]>([
  [
    "own streams",
    () => run(subgraph, as(viewer), `{ streams${ranked} }`),
    { streams: found },
  ],
  [
    "others' streams",
    () => run(subgraph, as(reader), `{ streams${ranked} }`),
    { streams: found },
  ],
  [
    "a community's streams",
    () =>
      run(
        subgraph,
        as(reader),
        `query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Community { streams${ranked} } } }`,
        { refs: [{ __typename: "Community", id: community }] },
      ),
    { _entities: [{ streams: found }] },
  ],
])(
  "the first 10,000 by name of %s are ranked, and the next one is not, however well it fits",
  async (_, ask, data) => {
    expect(await ask()).toMatchObject({ errors: [], data });
  },
);

test("the graph says so", () => {
  const field = subgraph.schema.getType("StreamOrderField");
  expect(
    isEnumType(field) && field.getValue("RELEVANCE")?.description,
  ).toContain("the first 10,000");
});
