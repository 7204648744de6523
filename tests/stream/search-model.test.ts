import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import {
  isFound,
  relevance,
  pool,
  searches,
  written,
  type Search,
  type Texts,
} from "./search-model.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let readers: Identity[];
let communities: (Row & { ownerMembership: Membership })[];

/** What a reader can find, and what of it in a community; by id. */
interface Seen {
  readonly all: ReadonlyMap<string, { isOwn: boolean; texts: Texts }>;
  readonly here: readonly (readonly string[] | null)[];
}
const seenBy = new Map<Identity, Seen>();

/** Three tenants, one of them with more words than a search takes; streams in one, both or no community, some of them hidden. */
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  const seed = new Seed(database.owner);
  const tenants = [];
  for (const name of ["Plant one", "Vendor", "Übersee Pump Co"])
    tenants.push(await seed.tenant(name));
  communities = [];
  readers = [];
  for (const tenant of tenants.slice(0, 2))
    communities.push(await seed.community(tenant));
  for (const [i, tenant] of tenants.entries()) {
    const reader = await seed.user(tenant, ["VIEWER"]);
    readers.push(reader, await seed.user(tenant));
    await addStreams(tenant, [300, 80, 40][i] as number);
    for (const [j, community] of communities.entries()) {
      const membership =
        i === j
          ? community.ownerMembership
          : await seed.membership(
              community,
              tenant,
              i === 2 && j === 1 ? "PAUSED" : "ACTIVE",
            );
      await seed.member(membership, reader);
      if (j === 0) await seed.member(membership, readers.at(-1) as Identity);
      await database.owner.raw(
        `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
         select tenant_id, id, ?, uuid, ?, uuid, name from stream.streams where tenant_id = ? and id % 3 <> ?`,
        [membership.id, community.id, tenant.id, j],
      );
    }
  }
  for (const reader of readers) seenBy.set(reader, await seen(reader));
});
afterAll(() => database.drop());

/** Every seventh of them can be read by nobody but its owner, of whom there is none. */
async function addStreams(tenant: Row, count: number): Promise<void> {
  const seed = new Seed(database.owner);
  const listId = await seed.accessList(tenant, []);
  await seed.stream(tenant, { name: `first of ${tenant.id}` });
  const texts = fc.sample(
    fc.array(fc.constantFrom(...pool), { minLength: 9, maxLength: 9 }),
    { numRuns: count, seed: tenant.id },
  );
  await database.owner.raw(
    `insert into stream.streams (tenant_id, namespace_id, type_id, external_id, name, description, tags, metadata, access_list_id)
     select s.tenant_id, s.namespace_id, s.type_id, 'PLC' || n.i || '.' || (n.t->>0), left(concat_ws(' ', n.t->>1, n.t->>2), 300),
            case when n.i % 3 > 0 then concat_ws(' ', n.t->>3, n.t->>4, n.i) end,
            array[n.t->>5, n.t->>6], jsonb_build_object('serial', n.i || '-' || (n.t->>7)),
            case when n.i % 7 = 0 then ?::int else s.access_list_id end
     from stream.streams s, jsonb_array_elements(?::jsonb) with ordinality as n (t, i)
     where s.tenant_id = ?`,
    [listId, JSON.stringify(texts), tenant.id],
  );
}

async function seen(reader: Identity): Promise<Seen> {
  const { rows } = await database.owner.raw<{
    rows: (Texts & { id: string; isOwn: boolean })[];
  }>(
    `select s.uuid as id, g.is_own as "isOwn", s.name, s.description, s.tags, y.name as type, t.name as tenant,
            case when g.is_own then s.external_id end as "externalId", case when g.is_own then s.metadata::text end as metadata
     from stream.all_visible(?) g
     join stream.streams s on s.id = g.id
     join stream.stream_types y on y.id = s.type_id
     join tenant.tenants t on t.id = s.tenant_id
     order by s.name, s.uuid`,
    [reader.uuid],
  );
  const here = await Promise.all(
    communities.map(async ({ id }) => {
      const { rows } = await database.owner.raw<{ rows: { id: string }[] }>(
        `select s.uuid as id from stream.readable_here(?) g join stream.streams s on s.id = g.id
         where g.community_id = ? order by s.name, s.uuid`,
        [reader.uuid, id],
      );
      const { rowCount } = await database.owner.raw<{ rowCount: number }>(
        `select from stream.participations(?) p where p.community_id = ?`,
        [reader.uuid, id],
      );
      return rowCount === 0 ? null : rows.map(({ id }) => id);
    }),
  );
  return {
    all: new Map(rows.map(({ id, isOwn, ...texts }) => [id, { isOwn, texts }])),
    here,
  };
}

interface List {
  readonly totalCount: number;
  readonly nodes: readonly { id: string }[];
  readonly pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

const selection = `totalCount nodes { id } pageInfo { hasNextPage endCursor }`;

/** All ids of a list, page by page; null where there is none. */
async function walk(
  size: number,
  page: (first: number, after: string | null) => Promise<List | null>,
): Promise<string[] | null> {
  const ids: string[] = [];
  for (let after: string | null = null, first = size; ; first = 1000) {
    const list: List | null = await page(first, after);
    if (list === null) return null;
    ids.push(...list.nodes.map(({ id }) => id));
    after = list.pageInfo.endCursor;
    if (!list.pageInfo.hasNextPage) {
      expect(list.totalCount).toBe(ids.length);
      return ids;
    }
  }
}

async function compare(
  reader: Identity,
  search: Search,
  from: string,
  field: string,
  descending: boolean,
  size: number,
) {
  const { all, here } = seenBy.get(reader) as Seen;
  const text = written(search);
  const textsOf = (id: string) => (all.get(id) as { texts: Texts }).texts;
  const expected = (ids: Iterable<string>) => {
    const found = [...ids].filter((id) => isFound(search, textsOf(id)));
    const rank = (id: string) => relevance(search, textsOf(id).name);
    if (field === "RELEVANCE") found.sort((a, b) => rank(b) - rank(a));
    return descending ? found.toReversed() : found;
  };
  const variables = {
    search: text,
    orderBy: { field, direction: descending ? "DESC" : "ASC" },
  };
  const listed = await walk(size, async (first, after) => {
    const { data, errors } = await run(
      subgraph,
      as(reader),
      `query ($search: String, $orderBy: StreamOrder, $first: Int, $after: String, $from: StreamSource!) {
         streams(from: $from, search: $search, orderBy: $orderBy, first: $first, after: $after) { ${selection} } }`,
      { ...variables, from, first, after },
    );
    expect([text, errors]).toEqual([text, []]);
    return data?.["streams"] as unknown as List;
  });
  expect([text, listed]).toEqual([
    text,
    expected(
      [...all]
        .filter(([, { isOwn }]) => from === "ALL" || isOwn === (from === "OWN"))
        .map(([id]) => id),
    ),
  ]);
  for (const [i, community] of communities.entries()) {
    const inCommunity = await walk(size, async (first, after) => {
      const { data, errors } = await run(
        subgraph,
        as(reader),
        `query ($refs: [_Any!]!, $search: String, $orderBy: StreamOrder, $first: Int, $after: String) {
           _entities(representations: $refs) { ... on Community {
             streams(search: $search, orderBy: $orderBy, first: $first, after: $after) { ${selection} } } } }`,
        {
          ...variables,
          first,
          after,
          refs: [{ __typename: "Community", id: community.uuid }],
        },
      );
      expect([text, errors]).toEqual([text, []]);
      return (
        (data?.["_entities"] as unknown as { streams: List | null }[])[0]
          ?.streams ?? null
      );
    });
    expect([text, inCommunity]).toEqual([
      text,
      here[i] ? expected(here[i] as string[]) : null,
    ]);
  }
}

test("a search finds and counts what a naive one does among the streams that the reader sees", async () => {
  expect([...seenBy.values()].every(({ all }) => all.size > 20)).toBe(true);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(readers.length - 1),
      searches,
      fc.constantFrom("ALL", "OWN", "SHARED"),
      fc.constantFrom("NAME", "NAME", "RELEVANCE"),
      fc.boolean(),
      fc.integer({ min: 1, max: 60 }),
      async (reader, search, from, field, descending, size) =>
        compare(
          readers[reader] as Identity,
          search,
          from,
          field,
          descending,
          size,
        ),
    ),
    { numRuns: 50, seed: 4 },
  );
}, 600_000);
