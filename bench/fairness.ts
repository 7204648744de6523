import { setTimeout as sleep } from "node:timers/promises";
import { usualBudgets } from "../gateway/budgets/limits.ts";
import { connect } from "../common/database.ts";
import type { Bench, Figure } from "./figure.ts";
import { settingsOf, type Answered, type Flood } from "./flood.ts";
import { startGateway, startInOneProcess, startSubgraphs } from "./graph.ts";
import { Client, question, type Peer, type Questions } from "./load.ts";
import { pageQuery } from "./page.ts";
import { runScript, type Settings } from "./processes.ts";
import { inTurn } from "./readers.ts";
import { seedWorld, type World } from "./world.ts";

/** Each page is asked when it is due, whatever has become of those before. */
const perSecond = 20;
const seconds = 8;
const rounds = 2;
/** A flood has begun when the pages beside it are measured. */
const leadMs = 2_000;
const goal = 1.5;

/** No other tenants are in so many communities as these two. */
const clientsOfTenant = 40;

/** Lists in lists, tables and searches, dear and less dear. */
const heavy = [
  `{ communities(first: 20) { nodes { name streams(first: 100) { nodes { id name tenant { name } last { timestamp value } } } } } }`,
  `{ communities(first: 50) { nodes { memberships(first: 50) { nodes { tenant { name } } } streams(first: 20) { totalCount nodes { name } } } } }`,
  `{ streams(first: 500) { nodes { id name tenant { name } last { timestamp value } } } }`,
  `{ streams(first: 100, search: "signal 1*") { totalCount nodes { id name } } }`,
];

const bodiesOf = (queries: readonly string[]) =>
  queries.map((query) => JSON.stringify({ query }));

const floods = [
  {
    name: "just within its budget",
    bodies: bodiesOf(heavy),
    connections: 16,
    pointsPerSecond: (0.9 * usualBudgets.tenant) / usualBudgets.windowSeconds,
  },
  {
    name: "as fast as it is answered",
    bodies: bodiesOf(heavy),
    connections: 64,
    pointsPerSecond: 1e9,
  },
  {
    name: "with what is cheap, as fast as it is answered",
    bodies: bodiesOf(["{ viewer { id } }", "{ viewer { missing } }"]),
    connections: 64,
    pointsPerSecond: 1e9,
  },
];

export const fairness: Figure = {
  name: "fairness",
  title: "A page while another tenant floods",
  about: `One tenant asks for the page above ${perSecond} times a second. Another sends dear operations, or cheap ones and such as are
refused, as ${clientsOfTenant} identities, with the budgets of an installation as it comes.`,
  unit: "page",
  ratio: "CPU",
  rounds: 3,
  async contenders(bench) {
    const scene = await sceneOf(bench);
    scenes.set(bench, scene);
    return scene.peers.map(({ name, processes, url }) => {
      const client = new Client(url);
      bench.onEnd(() => client.close());
      return { name, processes, run: () => client.askFor(500, scene.pages) };
    });
  },
  async note(bench) {
    const scene = scenes.get(bench);
    if (!scene) return "";
    const lines: string[] = [];
    for (const peer of scene.peers)
      for (const flood of floods) {
        bench.progress(`${peer.name}, ${flood.name}`);
        lines.push(await compared(peer, flood, scene));
      }
    return `While nobody else asks, and while the other tenant does, 95 % of the pages take no longer than (the goal is ${goal} times):\n\n${lines.map((line) => `- ${line}`).join("\n")}`;
  },
};

const scenes = new WeakMap<Bench, Scene>();

interface Scene {
  readonly peers: readonly Peer[];
  readonly pages: Questions;
  /** Of those who flood. */
  readonly tokens: readonly string[];
}

/** As an installation comes, but for what is to be measured before. */
const asItComes: Settings = { BUDGET_OF_TENANT: "", BUDGET_OF_IDENTITY: "" };

async function sceneOf(bench: Bench): Promise<Scene> {
  const world = await seedWorld(await bench.database.clone("fairness"));
  const ofWorld = { ...bench, world };
  const identities = await addIdentities(world);
  const [flooding, asking] = identities;
  if (!flooding || !asking) throw new Error("The world has no two tenants.");
  const subgraphs = await startSubgraphs(ofWorld);
  const sign = ({ tenant, ids }: Tenant) =>
    Promise.all(ids.map((id) => bench.tokens.sign(id, tenant)));
  const askers = await sign(asking);
  return {
    peers: [
      {
        ...(await startInOneProcess(ofWorld, world.url, undefined, asItComes)),
        name: "Tributary in one process",
      },
      {
        ...(await startGateway(
          ofWorld,
          "gateway/main.ts",
          subgraphs,
          asItComes,
        )),
        name: "Tributary as separate processes",
      },
    ],
    pages: (n) =>
      question(
        pageQuery,
        { id: inTurn(asking.communityIds, n) },
        inTurn(askers, n),
      ),
    tokens: await sign(flooding),
  };
}

interface Tenant {
  readonly tenant: string;
  readonly ids: readonly string[];
  readonly communityIds: readonly string[];
}

/** Two tenants with many clients each, who read what their readers do. */
async function addIdentities({ url }: World): Promise<Tenant[]> {
  const db = connect(url, { name: "bench-seed", poolSize: 1 });
  try {
    await db.raw(
      `with added as (
         insert into tenant.identities (tenant_id, kind, name)
         select t, 'CLIENT', 'Client ' || n from generate_series(1, 2) t, generate_series(1, ?::int) n returning id, tenant_id),
       roles as (
         insert into tenant.identity_roles (tenant_id, identity_id, role) select tenant_id, id, 'VIEWER' from added)
       insert into community.members (membership_id, tenant_id, identity_id, role)
       select m.id, m.tenant_id, a.id, 'MEMBER' from added a join community.memberships m on m.tenant_id = a.tenant_id`,
      [clientsOfTenant],
    );
    const { rows } = await db.raw<{ rows: Tenant[] }>(
      `select t.uuid as tenant,
              array(select i.uuid::text from tenant.identities i where i.tenant_id = t.id and i.kind = 'CLIENT' order by i.id desc) as ids,
              array(select c.uuid::text from community.communities c
                    join community.memberships m on m.community_id = c.id
                    where m.tenant_id = t.id order by c.id) as "communityIds"
       from tenant.tenants t where t.id in (1, 2) order by t.id`,
    );
    return rows;
  } finally {
    await db.destroy();
  }
}

/** In turn with and without the flood, so that a slower machine is slower for both. */
async function compared(
  { name, url }: Peer,
  flood: (typeof floods)[number],
  { pages, tokens }: Scene,
): Promise<string> {
  const client = new Client(url, { connections: 32 });
  const alone: number[] = [];
  const beside: number[] = [];
  const answered: Record<string, number> = {};
  try {
    await client.warmUp(pages);
    for (let round = 0; round < rounds; round += 1) {
      alone.push(...(await underLoad(client, pages)));
      const flooded = runFlood({
        ...{ url, tokens, bodies: flood.bodies },
        connections: flood.connections,
        pointsPerSecond: flood.pointsPerSecond,
        seconds: seconds + leadMs / 1_000,
      });
      await sleep(leadMs);
      beside.push(...(await underLoad(client, pages)));
      for (const [status, count] of Object.entries(await flooded))
        answered[status] = (answered[status] ?? 0) + count;
    }
  } finally {
    await client.close();
  }
  const [before, during] = [p95(alone), p95(beside)];
  const told = Object.entries(answered)
    .map(([status, count]) => `${count} by ${status}`)
    .join(", ");
  return `${name}, ${flood.name}: ${before.toFixed(1)} and ${during.toFixed(1)} ms, ${(during / before).toFixed(2)} times; the flood was answered ${told}`;
}

/** It ends by itself. */
async function runFlood(flood: Flood): Promise<Answered> {
  const said = await runScript(["bench/flood.ts"], settingsOf(flood));
  return JSON.parse(said.trim().split("\n").at(-1) ?? "{}") as Answered;
}

function p95(ms: readonly number[]): number {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? NaN;
}

async function underLoad(client: Client, pages: Questions): Promise<number[]> {
  const ms: number[] = [];
  const begun = performance.now();
  const asked: Promise<void>[] = [];
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const due = begun + (n * 1000) / perSecond;
    await sleep(Math.max(0, due - performance.now()));
    asked.push(
      client.ask(pages(n)).then(() => void ms.push(performance.now() - due)),
    );
  }
  await Promise.all(asked);
  return ms;
}
