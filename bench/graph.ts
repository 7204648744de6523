import { randomBytes } from "node:crypto";
import { roleUrl } from "../migrations/run.ts";
import type { Bench } from "./figure.ts";
import { startProcess, type Settings } from "./processes.ts";

/** A server, and the processes that work for it. */
export interface Server {
  readonly url: string;
  readonly processes: readonly number[];
}

/** The installation as `npm start` starts it. */
export const startInOneProcess = (
  bench: Bench,
  databaseUrl: string,
  script = "installation/main.ts",
  settings: Settings = {},
) =>
  start(bench, script, {
    ...settings,
    ...bench.tokens.settings,
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DEMO: "off",
  });

export interface Subgraphs {
  readonly processes: readonly number[];
  /** By which a gateway, the product's or another, finds them and is believed. */
  readonly settings: Settings;
}

/** As the installation has them, or all by another script. */
export async function startSubgraphs(
  bench: Bench,
  script?: string,
): Promise<Subgraphs> {
  const secret = { INTERNAL_TOKEN_SECRET: randomBytes(32).toString("hex") };
  const processes: number[] = [];
  const urls: Record<string, string> = {};
  for (const role of ["tenant", "community", "stream"] as const) {
    const name = role.toUpperCase();
    const subgraph = await start(bench, script ?? `subgraphs/${role}/main.ts`, {
      ...bench.tokens.settings,
      ...secret,
      SUBGRAPH: role,
      [`${name}_DATABASE_URL`]: roleUrl(bench.world.url, role),
    });
    processes.push(...subgraph.processes);
    urls[`${name}_URL`] = subgraph.url;
  }
  return { processes, settings: { ...secret, ...urls } };
}

/** What every figure of the gateway compares. */
export interface Gateways {
  /** @apollo/gateway as it comes, before Apollo Servers. */
  readonly stock: Server;
  readonly inOneProcess: Server;
  readonly asProcesses: Server;
  /** Of the last, for others before them. */
  readonly subgraphs: Subgraphs;
}

export const stockGateway = "bench/peers/stock-gateway.ts";

export async function startGateways(bench: Bench): Promise<Gateways> {
  const stock = await startSubgraphs(bench, "bench/peers/stock-subgraph.ts");
  const subgraphs = await startSubgraphs(bench);
  return {
    stock: await startGateway(bench, stockGateway, stock),
    inOneProcess: await startInOneProcess(bench, bench.world.url),
    asProcesses: await startGateway(bench, "gateway/main.ts", subgraphs),
    subgraphs,
  };
}

/** A gateway before these subgraphs. */
export async function startGateway(
  bench: Bench,
  script: string,
  subgraphs: Subgraphs,
  settings: Settings = {},
): Promise<Server> {
  const gateway = await start(bench, script, {
    ...settings,
    ...bench.tokens.settings,
    ...subgraphs.settings,
    ISSUER_DATABASE_URL: roleUrl(bench.world.url, "issuer"),
    MAIL_DATABASE_URL: roleUrl(bench.world.url, "mail"),
  });
  return {
    url: gateway.url,
    processes: [...gateway.processes, ...subgraphs.processes],
  };
}

/** One of those in peers/ that do without a graph; as the owner role, for which every table is open. */
export const startByHand = (
  bench: Bench,
  name: string,
  databaseUrl = bench.world.url,
) =>
  start(bench, `bench/peers/${name}.ts`, {
    ...bench.tokens.settings,
    DATABASE_URL: databaseUrl,
  });

/** One of those in peers/ that serve the graph by one schema. */
export const startOneSchema = (bench: Bench, file: string) =>
  start(bench, `bench/peers/${file}`, {
    ...bench.tokens.settings,
    DATABASE_URL: bench.world.url,
  });

async function start(
  { onEnd }: Bench,
  script: string,
  settings: Settings,
): Promise<Server> {
  const { url, pid, stop } = await startProcess(script, settings);
  onEnd(stop);
  return { url, processes: [pid] };
}
