import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { connect } from "../common/database.ts";
import { childrenOf } from "./cpu.ts";
import type { Bench, Figure } from "./figure.ts";
import {
  startGateway,
  startInOneProcess,
  startSubgraphs,
  type Server,
} from "./graph.ts";
import type { Contender } from "./measure.ts";
import { residentBytes } from "./memory.ts";
import { inTurn } from "./readers.ts";

const requests = 100_000;
const rounds = 10;
/** Until then what is remembered of operations has come to its bounds. */
const settledRounds = 4;
const clients = 16;

/** What a process keeps, once all that it can give back is given back. */
interface Kept {
  readonly heapBytes: number;
  readonly emitters: number;
  /** How many of each kind keep it from ending. */
  readonly resources: Readonly<Record<string, number>>;
  /** By which Node says, among others, that something has too many listeners. */
  readonly warnings: readonly string[];
}

/** What all processes of an installation keep, and the connections that PostgreSQL has for it. */
interface Checkpoint {
  readonly counts: ReadonlyMap<string, number>;
  readonly warnings: readonly string[];
}

const checkpoints = new Map<string, Checkpoint[]>();

export const endurance: Figure = {
  name: "endurance",
  title: "A hundred thousand requests",
  about: `Requests of all kinds, ${clients} at a time: varied queries, each fifth of which nobody has sent before, mutations, uploads and
files, errors, operations by their hash, bad tokens, connections of their own, and such as their client gives up. After
every tenth of them each process collects what is garbage and tells what it keeps.`,
  unit: "request",
  ratio: "CPU",
  rounds,
  isLong: true,
  async contenders(bench) {
    const directory = await mkdtemp(join(tmpdir(), "tributary-kept-"));
    bench.onEnd(() => rm(directory, { recursive: true, force: true }));
    const told = {
      ...bench,
      tokens: {
        ...bench.tokens,
        settings: {
          ...bench.tokens.settings,
          KEPT_IN: directory,
          NODE_OPTIONS: "--import=./bench/inside.js",
        },
      },
    };
    const visits = await visitsOf(bench);
    const contenders: Contender[] = [];
    for (const { name, names, start } of installations)
      if (bench.isWanted(name))
        contenders.push(contender(name, names, await start(told)));
    return contenders;

    function contender(
      name: string,
      names: readonly string[],
      { url, processes }: Server,
    ): Contender {
      let sent = 0;
      const taken: Checkpoint[] = [];
      checkpoints.set(name, taken);
      return {
        name,
        processes,
        async run() {
          const agent = new Agent({ connections: clients });
          const until = sent + requests / rounds;
          await Promise.all(
            Array.from({ length: clients }, async () => {
              while (sent < until) {
                const n = sent++;
                await inTurn(visits, n)({ url, agent, n });
              }
            }),
          );
          await agent.close();
          const kept = await checkpoint(bench, directory, processes, names);
          taken.push(kept);
          const counts = [...kept.counts].map((count) => count.join(" "));
          bench.progress(`${sent} sent; ${counts.join(", ")}`);
          return requests / rounds;
        },
      };
    }
  },
  note: () =>
    Promise.resolve(
      [...checkpoints].map(([name, taken]) => told(name, taken)).join("\n\n"),
    ),
};

const installations = [
  {
    name: "Tributary in one process",
    names: ["installation"],
    start: (bench: Bench) => startInOneProcess(bench, bench.world.url),
  },
  {
    name: "Tributary as separate processes",
    names: ["gateway", "tenant", "community", "stream"],
    start: async (bench: Bench) =>
      startGateway(bench, "gateway/main.ts", await startSubgraphs(bench)),
  },
];

interface At {
  readonly url: string;
  readonly agent: Agent;
  /** The number of the request. */
  readonly n: number;
}

type Visit = (at: At) => Promise<unknown>;

const kindsOfVisits = 20;

/** Of so many requests one each. */
async function visitsOf({ world, tokens }: Bench): Promise<Visit[]> {
  const readers = await Promise.all(
    world.readers.map(async ({ identityId, communityIds }) => ({
      token: await tokens.sign(identityId),
      communityIds,
    })),
  );
  const administrators = await administratorsOf(world.url, tokens);
  const administrator = (n: number) =>
    inTurn(administrators, Math.floor(n / kindsOfVisits));
  const long = await Promise.all(
    world.longStreams.map(async ({ id, readerId }) => ({
      id,
      token: await tokens.sign(readerId),
    })),
  );

  const asked =
    (
      query: (n: number) => string,
      status = 200,
      of = (n: number) => inTurn(readers, n).token,
    ): Visit =>
    (at) => {
      const { communityIds } = inTurn(readers, at.n);
      const variables = {
        id: inTurn(communityIds, Math.floor(at.n / readers.length)),
        gone: randomUUID(),
        stream: administrator(at.n).stream,
        text: `Change ${at.n}`,
      };
      return send(
        at,
        JSON.stringify({ query: query(at.n), variables }),
        of(at.n),
        [status],
      );
    };
  const page: Visit = asked(
    () =>
      "query ($id: ID!) { community(id: $id) { name memberships { nodes { tenant { name } } } streams(first: 20) { nodes { id name last { timestamp value } } } } }",
  );
  const events: Visit = async (at) => {
    const { id, token } = inTurn(long, at.n);
    const query =
      'query ($id: ID!, $to: DateTime!) { stream(id: $id) { events(window: { from: "2026-01-01T00:00:00Z", to: $to }, first: 100) { timestamps values } } }';
    const to = new Date(Date.now() - at.n).toISOString();
    return send(
      at,
      JSON.stringify({ query, variables: { id, to } }),
      token,
      [200],
    );
  };
  const unheardOf: Visit = asked(
    (n) => `# ${unique(n, 1_500)}\n{ viewer { a${n}: id tenant { name } } }`,
  );
  const change: Visit = asked(
    () =>
      "mutation ($stream: ID!, $text: String) { updateStream(input: { id: $stream, description: $text }) { description tenant { name } } }",
    200,
    (n) => administrator(n).token,
  );
  const persisted: Visit = async (at) => {
    const { token } = inTurn(readers, at.n);
    const query = `# ${unique(at.n, 10_000)}\n{ viewer { id } }`;
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    await send(at, JSON.stringify({ query, extensions }), token, [200]);
    await send(at, JSON.stringify({ extensions }), token, [200]);
  };
  const givenUp: Visit = async (at) => {
    const { token, communityIds } = inTurn(readers, at.n);
    const body = JSON.stringify({
      query:
        "query ($id: ID!) { community(id: $id) { streams(first: 200) { nodes { name last { value } } } } }",
      variables: { id: communityIds[0] },
    });
    const signal = AbortSignal.timeout(1 + (at.n % 30));
    await send(at, body, token, [200], { signal }).catch(() => undefined);
  };
  const halfSent: Visit = async (at) => {
    const { token } = inTurn(readers, at.n);
    async function* half() {
      yield '{"query":"{ viewer';
      await sleep(10);
      throw new Error("given up");
    }
    await request(`${at.url}/${at.n % 2 ? "graphql" : "ingest"}`, {
      dispatcher: at.agent,
      method: "POST",
      headers: { ...json, authorization: `Bearer ${token}` },
      body: Readable.from(half()),
    }).then(
      ({ body }) => body.dump(),
      () => undefined,
    );
  };
  const alone: Visit = async (at) => {
    const agent = new Agent({ connections: 1 });
    await page({ ...at, agent });
    await agent.close();
  };
  const upload: Visit = async (at) => {
    const { token, stream } = administrator(at.n);
    const rows = Array.from(
      { length: 20 },
      (_, i) =>
        `${new Date(Date.UTC(2026, 0, 1) + (at.n * 20 + i) * 1_000).toISOString()},${i}`,
    );
    const { statusCode, body } = await request(`${at.url}/ingest`, {
      dispatcher: at.agent,
      method: "POST",
      headers: {
        "content-type": "text/csv",
        authorization: `Bearer ${token}`,
      },
      body: `timestamp,${stream}\n${rows.join("\n")}\n`,
    });
    assertStatus(statusCode, [200, 429], await body.text());
  };
  const file: Visit = async (at) => {
    const { id, token } = inTurn(long, at.n);
    const { statusCode, body } = await request(
      `${at.url}/data/streams/${id}?format=csv`,
      {
        dispatcher: at.agent,
        headers: { authorization: `Bearer ${token}` },
      },
    );
    // Every other one is given up when it has begun.
    if (at.n % 40 < 20) body.destroy();
    else assertStatus(statusCode, [200, 429], await body.text());
  };
  return [
    page,
    events,
    unheardOf,
    change,
    page,
    unheardOf,
    givenUp,
    asked(
      () => "query ($gone: ID!) { stream(id: $gone) { name } viewer { id } }",
    ),
    asked(() => "{ viewer { id }", 400),
    unheardOf,
    asked((n) => `{ viewer { missing${n} } }`, 400),
    persisted,
    events,
    unheardOf,
    halfSent,
    alone,
    asked(
      () => "{ viewer { id } }",
      401,
      (n) => `nonsense ${n}`,
    ),
    upload,
    file,
    page,
  ];
}

/** So many characters that no other request has. */
const unique = (n: number, characters: number) =>
  `${n} `.padEnd(characters, "-");

const json = { "content-type": "application/json" };

async function send(
  { url, agent }: At,
  body: string,
  token: string,
  statuses: readonly number[],
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const answer = await request(`${url}/graphql`, {
    dispatcher: agent,
    method: "POST",
    headers: { ...json, authorization: `Bearer ${token}` },
    body,
    ...options,
  });
  assertStatus(answer.statusCode, statuses, await answer.body.text());
}

function assertStatus(
  status: number,
  expected: readonly number[],
  text: string,
): void {
  if (!expected.includes(status) || text.includes("INTERNAL_SERVER_ERROR"))
    throw new Error(`Answered ${status}: ${text.slice(0, 500)}`);
}

/** Of every tenant, each with a stream of its own. */
async function administratorsOf(url: string, tokens: Bench["tokens"]) {
  const db = connect(url, { name: "bench-endurance", poolSize: 1 });
  try {
    const { rows } = await db.raw<{
      rows: { administrator: string; stream: string }[];
    }>(
      `select distinct on (i.id) i.uuid as administrator, s.uuid as stream
       from tenant.identities i join stream.streams s on s.tenant_id = i.tenant_id
       where i.name = 'Administrator'
       order by i.id, s.id`,
    );
    return await Promise.all(
      rows.map(async ({ administrator, stream }) => ({
        token: await tokens.sign(administrator),
        stream,
      })),
    );
  } finally {
    await db.destroy();
  }
}

/** So long after its last request a server has ended what belongs to it. */
const restMs = 3_000;

async function checkpoint(
  { database }: Bench,
  directory: string,
  processes: readonly number[],
  names: readonly string[],
): Promise<Checkpoint> {
  await sleep(restMs);
  const counts = new Map<string, number>();
  const warnings: string[] = [];
  for (const [i, pid] of processes.entries()) {
    const kept = await keptBy(pid, directory);
    const count = (what: string, value: number) =>
      counts.set(`${names[i]}: ${what}`, value);
    count("MiB of heap", mebibytes(kept.heapBytes));
    count("MiB resident", mebibytes(residentBytes(pid)));
    count("emitters", kept.emitters);
    count("files and sockets", readdirSync(`/proc/${pid}/fd`).length);
    for (const [kind, value] of Object.entries(kept.resources))
      count(kind, value);
    warnings.push(...kept.warnings);
  }
  const backends = childrenOf(database.postmaster);
  counts.set("PostgreSQL: processes", backends.length);
  counts.set(
    "PostgreSQL: MiB of their own",
    mebibytes(backends.map(ownBytes).reduce((a, b) => a + b, 0)),
  );
  return { counts, warnings };
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);

/** What a process shares with no other: with PostgreSQL's, among others what its statements have prepared. */
function ownBytes(pid: number): number {
  const [, kibibytes = 0] =
    /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ??
    [];
  return Number(kibibytes) * 1024;
}

async function keptBy(pid: number, directory: string): Promise<Kept> {
  const file = join(directory, String(pid));
  process.kill(pid, "SIGUSR2");
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text !== undefined) {
      await rm(file);
      return JSON.parse(text) as Kept;
    }
    await sleep(50);
  }
}

/** What a process may have more of at the end than after it had settled: what comes and goes, and what is not garbage yet. */
const tolerance = (value: number) => Math.max(10, value * 0.1);

function told(name: string, taken: readonly Checkpoint[]): string {
  const settled = taken[settledRounds - 1];
  const last = taken.at(-1);
  if (!settled || !last) return "";
  const lines = [...last.counts].map(([what, value]) => {
    const before = settled.counts.get(what) ?? 0;
    const grows = value > before + tolerance(before) ? " **grows**" : "";
    return `- ${what}: ${before}, ${value}${grows}`;
  });
  const warned = last.warnings.map((warning) => `- ${warning}`);
  return [
    `${name}, after ${(requests / rounds) * settledRounds} requests and after ${requests}:`,
    "",
    ...lines,
    ...warned,
  ].join("\n");
}
