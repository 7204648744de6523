import { buildSchema, execute, parse } from "graphql";
import pg from "pg";
import {
  connect,
  connectionSettings,
  prepared,
  statementName,
  type Knex,
} from "../common/database.ts";
import { roleUrl } from "../migrations/run.ts";
import type { Figure } from "./figure.ts";
import { askInProcess } from "./in-process.ts";
import type { Contender } from "./measure.ts";
import { startMillion, type Million } from "./million.ts";

const sliceMs = 400;
const pageSize = 50;

/** What is searched for in a world of a million streams. */
const searches = [
  ["no search", null],
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

interface Streams {
  readonly nodes: readonly unknown[];
  readonly pageInfo: { readonly startCursor: string | null };
}

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

export const search: Figure = {
  name: "search",
  title: "A search in a million streams",
  about: `A page of ${pageSize} streams that a search finds, the first one and one near the end, in a tenant of 1 M streams and among
the 200,000 of them that it shares with another tenant. 1 is a page of as many ids and names from the index of names alone,
compared twice. As SQL: the page's statements, who calls and what the words of a search lead to included, against
the statement of one line; all prepared, and CPU is PostgreSQL's alone. As a request: the page as the stream subgraph
answers it in process, against that statement behind a schema of graphql-js with no more than the page asks for; CPU is
PostgreSQL's and Node's.`,
  unit: "page",
  ratio: "CPU",
  rounds: 5,
  async contenders({ isWanted, onEnd, progress, streams }) {
    const world = await startMillion(progress, streams);
    onEnd(() => world.stop());
    const url = roleUrl(world.url, "stream");
    const db = connect(url, { name: "bench-search", poolSize: 1 });
    onEnd(() => db.destroy());
    const client = new pg.Client(connectionSettings(url, "bench-search"));
    await client.connect();
    onEnd(() => client.end());
    const asSql = { processes: [await pidOf((sql) => client.query(sql))] };
    const asRequest = {
      processes: [await pidOf((sql) => db.raw(sql)), process.pid],
    };
    const replay = (statements: readonly Statement[]) =>
      pages(async () => {
        for (const statement of statements)
          await client.query({ ...statement, values: [...statement.values] });
      });

    const contenders: Contender[] = [];
    for (const list of [ownList(db, world), sharedList(db, world)]) {
      const bare = () => prepared(db, db.raw(list.indexOnly, [pageSize]));
      const bases = {
        sql: {
          ...asSql,
          name: `${list.name}, from the index alone, as SQL`,
          run: replay(await sentBy(db, bare)),
        },
        request: {
          ...asRequest,
          name: `${list.name}, from the index alone, as a request`,
          run: pages(() => bareAnswer(bare)),
        },
      };
      contenders.push(bases.sql, bases.request);
      for (const [name, text] of searches)
        for (const place of ["first", "deep"] as const) {
          const named = `${list.name}, ${name}, ${place}`;
          if (!isWanted(named)) continue;
          const after = place === "deep" ? await list.deep(text) : null;
          const page = () => list.page({ search: text, after });
          contenders.push(
            {
              ...asSql,
              name: `${named}, as SQL`,
              base: bases.sql,
              goal: 3,
              run: replay(await sentBy(db, page)),
            },
            {
              ...asRequest,
              name: `${named}, as a request`,
              base: bases.request,
              goal: 3,
              run: pages(page),
            },
          );
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

async function pidOf(
  ask: (sql: string) => PromiseLike<{ rows: { pid: number }[] }>,
): Promise<number> {
  const { rows } = await ask("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

/** The statements that a page takes, as they are sent. */
async function sentBy(
  db: Knex,
  page: () => Promise<unknown>,
): Promise<Statement[]> {
  const sent: { sql: string; bindings: unknown[] }[] = [];
  db.on("query", (query: (typeof sent)[number]) => sent.push(query));
  await page();
  db.removeAllListeners("query");
  return sent.map(({ sql, bindings }) => ({
    name: statementName(sql),
    text: sql,
    values: bindings,
  }));
}

/** A list of streams, of which pages are asked. */
function listOf(
  name: string,
  indexOnly: string,
  ask: (variables: Record<string, unknown>) => Promise<Streams>,
) {
  return {
    name,
    indexOnly,
    page: (variables: { search: string | null; after?: string | null }) =>
      ask({ ...variables, first: pageSize }),
    /** Where the last pages begin. */
    deep: async (search: string | null) =>
      (await ask({ search, last: 2 * pageSize })).pageInfo.startCursor,
  };
}

const ownList = (db: Knex, { ownerId }: Million) =>
  listOf(
    "own",
    "select uuid as id, name from stream.streams where tenant_id = 1 order by name, uuid limit ?",
    async (variables) => {
      const data = await askInProcess<{ streams: Streams }>(
        db,
        ownerId,
        own,
        variables,
      );
      return data.streams;
    },
  );

const sharedList = (db: Knex, { partnerId, communityId }: Million) =>
  listOf(
    "shared",
    `select stream_uuid as id, stream_name as name from stream.shares where community_id = 1
     order by stream_name, stream_uuid limit ?`,
    async (variables) => {
      const data = await askInProcess<{ _entities: [{ streams: Streams }] }>(
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

const bareSchema = buildSchema(`
  type Query { streams(first: Int): Streams! }
  type Streams { nodes: [Stream!]! pageInfo: PageInfo! }
  type Stream { id: ID! name: String! }
  type PageInfo { startCursor: String }`);
const bareDocument = parse(
  `query ($first: Int) { streams(first: $first) { ${listed} } }`,
);

/** The same shape of what one statement finds, by a schema that does nothing else. */
async function bareAnswer(find: () => Promise<unknown[]>): Promise<void> {
  const { errors } = await execute({
    schema: bareSchema,
    document: bareDocument,
    variableValues: { first: pageSize },
    rootValue: {
      streams: async () => ({
        nodes: await find(),
        pageInfo: { startCursor: null },
      }),
    },
  });
  if (errors) throw new Error("The bare graph fails.", { cause: errors });
}
