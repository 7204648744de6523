import { parse } from "graphql";
import { connect, type Knex } from "../common/database.ts";
import { roleUrl } from "../migrations/run.ts";
import type { Bench, Figure } from "./figure.ts";
import { startInOneProcess } from "./graph.ts";
import { answerInProcess } from "./in-process.ts";
import { Client, question } from "./load.ts";
import { startLong, usualEvents, type Long } from "./long-world.ts";
import type { Contender } from "./measure.ts";
import { mostWhile } from "./memory.ts";

const sliceMs = 1_500;
const compared = 5;
const goal = 1.2;

interface Read {
  readonly name: string;
  /** Of one stream, or a root field of several. */
  readonly field: string;
  readonly streams: number;
  /** Days before the end. */
  readonly window: readonly [from: number, to: number];
  /** Behind so many events of it. */
  readonly after?: number;
}

/** A hundred days of events. */
const wide = [100, 0] as const;
const day = [1, 0] as const;

const columns = "{ timestamps values }";

const reads: readonly Read[] = [
  {
    name: "`events`, the first 1,000 of 36,000",
    field: `events(window: $window, first: 1000) { timestamps values endCursor }`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`events`, 1,000 behind 30,000",
    field: `events(window: $window, first: 1000, after: $after) { timestamps values endCursor }`,
    ...{ streams: 1, window: wide, after: 30_000 },
  },
  {
    name: "`events`, reversed",
    field: `events(window: $window, first: 1000, reversed: true) ${columns}`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`events`, 10,000 of them",
    field: `events(window: $window, first: 10000) ${columns}`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`events`, OUTSIDE",
    field: `events(window: $window, first: 1000, boundary: OUTSIDE) ${columns}`,
    ...{ streams: 1, window: day },
  },
  {
    name: "`events`, EXACT_OR_CALCULATED",
    field: `events(window: $window, first: 1000, boundary: EXACT_OR_CALCULATED) ${columns}`,
    ...{ streams: 1, window: day },
  },
  {
    name: "`events` with a filter",
    field: `events(window: $window, first: 1000, filter: "value > 65") ${columns}`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`last`",
    field: "last { timestamp value }",
    ...{ streams: 1, window: wide },
  },
  {
    name: "`at`, the previous one",
    field: "at(timestamp: $at, mode: PREVIOUS) { timestamp value }",
    ...{ streams: 1, window: wide },
  },
  {
    name: "`at`, the next one",
    field: "at(timestamp: $at, mode: NEXT) { timestamp value }",
    ...{ streams: 1, window: wide },
  },
  {
    name: "`interpolated` at 200 times",
    field: `interpolated(window: $window, count: 200) ${columns}`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`summaries`, a hundred days by days",
    field:
      "summaries(window: $window, count: 100) { timestamps columns { values } }",
    ...{ streams: 1, window: wide },
  },
  {
    name: "`summaries` of how many there are",
    field:
      "summaries(window: $window, count: 1, kinds: [COUNT]) { columns { values } }",
    ...{ streams: 1, window: wide },
  },
  {
    name: "`summaries`, weighted by time",
    field:
      "summaries(window: $window, count: 100, kinds: [TIME_WEIGHTED_MEAN, PERCENT_GOOD]) { columns { values } }",
    ...{ streams: 1, window: wide },
  },
  {
    name: "`plot` by 1,000 pixels",
    field: `plot(window: $window, width: 1000) ${columns}`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`lttb`, 500 points",
    field: `lttb(window: $window, points: 500) ${columns}`,
    ...{ streams: 1, window: wide },
  },
  {
    name: "`streamLast` of 50 streams",
    field: `streamLast(ids: $ids) ${columns}`,
    ...{ streams: 50, window: wide },
  },
  {
    name: "`streamEvents` of 50 streams, a day",
    field: `streamEvents(ids: $ids, window: $window) ${columns}`,
    ...{ streams: 50, window: day },
  },
  {
    name: "`streamSummaries` of 50 streams, a day by hours",
    field:
      "streamSummaries(ids: $ids, window: $window, count: 24) { columns { values } }",
    ...{ streams: 50, window: day },
  },
  {
    name: "`streamJoin` of 5 streams, 1,000 rows",
    field:
      "streamJoin(ids: $ids, window: $window, mode: OUTER) { timestamps columns { values } }",
    ...{ streams: 5, window: wide },
  },
  {
    name: "`trend` of 10 streams by 500 pixels",
    field:
      "trend(input: { streamIds: $ids, window: $window, width: 500 }) { timestamps values lastValue minimum maximum mean }",
    ...{ streams: 10, window: wide },
  },
];

const isRoot = ({ field }: Read) => field.includes("$ids");

/** Which of the variables are used varies; GraphQL wants no others declared. */
function queryOf(read: Read): string {
  const { field } = read;
  const declared = Object.entries({
    id: "ID!",
    ids: "[ID!]!",
    window: "TimeWindow!",
    after: "String",
    at: "DateTime!",
  }).filter(
    ([name]) =>
      new RegExp(`\\$${name}\\b`).test(field) ||
      (name === "id" && !isRoot(read)),
  );
  const variables = declared.map(([name, type]) => `$${name}: ${type}`);
  return `query (${variables.join(", ")}) { ${isRoot(read) ? field : `stream(id: $id) { ${field} }`} }`;
}

const dayMs = 86_400_000;
const variantCount = 60;

/** Of the n-th variant; each window lies within the events that both databases have. */
function variablesOf(
  { streams, window }: Read,
  n: number,
  { streamIds, end }: Long,
): Record<string, unknown> {
  const until = end - n * dayMs;
  const at = (daysBefore: number) =>
    new Date(until - daysBefore * dayMs).toISOString();
  const [from, to] = window;
  const named = [...streamIds, ...streamIds].slice(n, n + streams);
  return {
    ids: named,
    id: named[0],
    window: { from: at(from), to: at(to) },
    at: at((from + to) / 2 + 0.001),
  };
}

const worlds = new WeakMap<Bench, Promise<Long>>();

function worldOf(bench: Bench): Promise<Long> {
  const { events = usualEvents, isKept, progress, onEnd } = bench;
  const world =
    worlds.get(bench) ??
    startLong({ events, isKept, progress }).then((started) => {
      onEnd(() => started.stop());
      return started;
    });
  worlds.set(bench, world);
  return world;
}

export const long: Figure = {
  name: "long",
  title: "The same window of a longer past",
  about: `Each read of the same window of the same streams, in a database with twenty times the events of the one that is 1: 100.8 M of
400 streams in 700 days, and of these 5.04 M, the last 175 days of 80 streams; one every four minutes. Both databases
stand in one PostgreSQL. The stream subgraph answers in the asking process; the CPU is that of Node and PostgreSQL.
Streams and windows change from read to read, and another tenant shares them with the reader.`,
  unit: "read",
  ratio: "CPU",
  rounds: 5,
  isLong: true,
  async contenders(bench) {
    const world = await worldOf(bench);
    const few = await databaseOf(world.fewUrl, bench);
    const many = await databaseOf(world.manyUrl, bench);
    const wanted = reads.filter(({ name }) => bench.isWanted(name));
    const contenders: Contender[] = [];
    for (const read of wanted) {
      bench.progress(`comparing the answers of ${read.name}`);
      const ofFew = await askerOf(read, world, few.db);
      const ofMany = await askerOf(read, world, many.db);
      for (let n = 0; n < compared; n += 1)
        if ((await ofFew(n)) !== (await ofMany(n)))
          throw new Error(`The answers differ: ${read.name}`);
      contenders.push({
        name: read.name,
        goal,
        processes: many.processes,
        run: readOn(ofMany),
        base: {
          name: "few events",
          processes: few.processes,
          run: readOn(ofFew),
        },
      });
    }
    return contenders;
  },
  async note(bench) {
    const world = await worldOf(bench);
    const few = await memoryOf(world.fewUrl, world, bench);
    const many = await memoryOf(world.manyUrl, world, bench);
    return `Memory of a server in one process that is asked all of these reads for ${memoryMs / 1000} seconds: ${few} with few events, ${many} with many.`;
  },
};

async function databaseOf(url: string, { onEnd }: Bench) {
  const db = connect(roleUrl(url, "stream"), {
    name: "bench-long",
    poolSize: 1,
  });
  onEnd(() => db.destroy());
  const { rows } = await db.raw<{ rows: [{ pid: number }] }>(
    "select pg_backend_pid() as pid",
  );
  return { db, processes: [rows[0].pid, process.pid] };
}

/** Asks for one variant of a read after the other. */
async function askerOf(read: Read, world: Long, db: Knex) {
  const document = parse(queryOf(read));
  const variants: Record<string, unknown>[] = [];
  for (let n = 0; n < variantCount; n += 1) {
    const variables = variablesOf(read, n, world);
    const after =
      read.after === undefined
        ? undefined
        : await cursorBehind(read.after, variables, world, db);
    variants.push({ ...variables, after });
  }
  return (n: number) =>
    answerInProcess(
      db,
      world.readerId,
      document,
      variants[n % variantCount] ?? {},
    );
}

const pageBefore = parse(
  `query ($id: ID!, $window: TimeWindow!, $first: Int!) {
     stream(id: $id) { events(window: $window, first: $first) { endCursor } } }`,
);

async function cursorBehind(
  first: number,
  variables: Record<string, unknown>,
  { readerId }: Long,
  db: Knex,
): Promise<string> {
  const answer = await answerInProcess(db, readerId, pageBefore, {
    ...variables,
    first,
  });
  const { data } = JSON.parse(answer) as {
    data: { stream: { events: { endCursor: string } } };
  };
  return data.stream.events.endCursor;
}

const readOn = (ask: (n: number) => Promise<string>) => {
  let done = 0;
  return async () => {
    const before = done;
    const deadline = performance.now() + sliceMs;
    do await ask(done++);
    while (performance.now() < deadline);
    return done - before;
  };
};

const memoryMs = 10_000;
const mebibyte = 2 ** 20;

/** Of a server that is asked all of the reads, over and over. */
async function memoryOf(
  url: string,
  world: Long,
  bench: Bench,
): Promise<string> {
  const server = await startInOneProcess(bench, url);
  const token = await bench.tokens.sign(world.readerId);
  const client = new Client(server.url);
  bench.onEnd(() => client.close());
  const withoutCursor = reads.filter(({ after }) => after === undefined);
  const questions = (n: number) => {
    const read = withoutCursor[n % withoutCursor.length] as Read;
    return question(
      queryOf(read),
      variablesOf(read, n % variantCount, world),
      token,
    );
  };
  const [pid = 0] = server.processes;
  const { beforeBytes, overBytes } = await mostWhile(pid, () =>
    client.askFor(memoryMs, questions),
  );
  return `${Math.round((beforeBytes + overBytes) / mebibyte)} MiB`;
}
