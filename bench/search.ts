import { execute, parse } from "graphql";
import { connect, prepared, type Knex } from "../common/database.ts";
import { roleUrl } from "../migrations/run.ts";
import { createContext } from "../subgraphs/stream/context.ts";
import { schema } from "../subgraphs/stream/schema.ts";
import type { Figure } from "./figure.ts";
import type { Contender } from "./measure.ts";
import { unrecorded } from "../subgraphs/stream/usage/recorder-store.ts";
import { startMillion, type Million } from "./million.ts";

const sliceMs = 400;
const pageSize = 50;

/** What is searched for in a world of a million streams. */
const searches = [
  ["a word of one stream in ten", "pump"],
  ["a word of 200 streams", "calibrated"],
  ["a word of one stream in 200", "guarantee"],
  ["a word of the last names", "halle"],
  ["a part of a word", "ump"],
  ["a beginning of two letters", "pu"],
  ["a phrase", '"under guarantee"'],
  ["words with AND", "pump AND cyclone"],
  ["a frequent and a rare word", "pump guarantee"],
  ["words with OR", "pump OR boiler"],
  ["NOT", "NOT pump"],
  ["a field", "name:pump"],
  ["*", "compr*"],
  ["an external id", "externalId:PLC7.DB3*"],
] as const;

const listed = `nodes { id name } pageInfo { startCursor }`;
const own =
  parse(`query ($search: String, $first: Int, $after: String, $last: Int) {
  streams(from: OWN, search: $search, first: $first, after: $after, last: $last) { ${listed} } }`);
const inCommunity =
  parse(`query ($refs: [_Any!]!, $search: String, $first: Int, $after: String, $last: Int) {
  _entities(representations: $refs) { ... on Community {
    streams(search: $search, first: $first, after: $after, last: $last) { ${listed} } } } }`);

interface List {
  readonly nodes: readonly unknown[];
  readonly pageInfo: { readonly startCursor: string | null };
}

export const search: Figure = {
  name: "search",
  title: "A search in a million streams",
  about: `A page of ${pageSize} streams that a search finds, the first one and one near the end, in a tenant of 1 M streams and among
the 200,000 of them that it shares with another tenant. The stream subgraph answers in process; PostgreSQL's part and
Node's are counted. 1 is bare SQL in the same process, which reads ids and names of as many streams from the index of
names, in both lists; the page without a search is each of these streams asked of the gate and answered by the graph.`,
  unit: "page",
  ratio: "CPU",
  rounds: 5,
  async contenders({ isWanted, onEnd, progress, streams }) {
    const world = await startMillion(progress, streams);
    onEnd(() => world.stop());
    const db = connect(roleUrl(world.url, "stream"), {
      name: "bench-search",
      poolSize: 1,
    });
    onEnd(() => db.destroy());
    const { rows } = await db.raw<{ rows: [{ pid: number }] }>(
      "select pg_backend_pid() as pid",
    );
    const processes = [rows[0].pid, process.pid];
    const contenders: Contender[] = [];
    for (const list of [ownList(db, world), sharedList(db, world)]) {
      const base = {
        name: `${list.name}, from the index alone`,
        processes,
        run: pages(() => prepared(db, db.raw(list.indexOnly, [pageSize]))),
      };
      contenders.push(base, {
        name: `${list.name}, no search`,
        processes,
        base,
        run: pages(() => list.page({ search: null })),
      });
      for (const [name, text] of searches)
        for (const place of ["first", "deep"] as const) {
          const named = `${list.name}, ${name}, ${place}`;
          if (!isWanted(named)) continue;
          const after = place === "deep" ? await list.deep(text) : null;
          contenders.push({
            name: named,
            processes,
            base,
            goal: 3,
            run: pages(() => list.page({ search: text, after })),
          });
        }
    }
    for (const { run } of contenders) await run();
    return contenders;
  },
};

const pages = (ask: () => Promise<unknown>) => async () => {
  const deadline = performance.now() + sliceMs;
  let done = 0;
  for (; performance.now() < deadline; done += 1) await ask();
  return done;
};

/** A list of streams, of which pages are asked. */
function listOf(
  name: string,
  indexOnly: string,
  ask: (variables: Record<string, unknown>) => Promise<List>,
) {
  return {
    name,
    indexOnly,
    page: (variables: { search: string | null; after?: string | null }) =>
      ask({ ...variables, first: pageSize }),
    /** Where the last pages begin. */
    deep: async (search: string) =>
      (await ask({ search, last: 2 * pageSize })).pageInfo.startCursor,
  };
}

const ownList = (db: Knex, { ownerId }: Million) =>
  listOf(
    "own",
    "select uuid, name from stream.streams where tenant_id = 1 order by name, uuid limit ?",
    async (variables) => {
      const data = await answer<{ streams: List }>(db, ownerId, own, variables);
      return data.streams;
    },
  );

const sharedList = (db: Knex, { partnerId, communityId }: Million) =>
  listOf(
    "shared",
    "select stream_uuid, stream_name from stream.shares where community_id = 1 order by stream_name, stream_uuid limit ?",
    async (variables) => {
      const data = await answer<{ _entities: [{ streams: List }] }>(
        db,
        partnerId,
        inCommunity,
        {
          ...variables,
          refs: [{ __typename: "Community", id: communityId }],
        },
      );
      return data._entities[0].streams;
    },
  );

async function answer<Data>(
  db: Knex,
  identityId: string,
  document: ReturnType<typeof parse>,
  variableValues: Record<string, unknown>,
): Promise<Data> {
  const { data, errors } = await execute({
    schema,
    document,
    variableValues,
    contextValue: createContext(
      db,
      unrecorded,
    )({
      viewer: { identityId, person: null },
      requestId: "bench",
    }),
  });
  if (errors) throw new Error("The search fails.", { cause: errors });
  return data as Data;
}
