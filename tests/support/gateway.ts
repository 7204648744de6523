import { Forwarder, streamPaths } from "../../gateway/forward.ts";
import { HttpDataSource } from "../../gateway/http-data-source.ts";
import { LocalDataSource } from "../../gateway/local-data-source.ts";
import { usualBodyLimits, type BodyLimits } from "../../gateway/bodies.ts";
import { usualLimits } from "../../gateway/limits.ts";
import { Budgets } from "../../gateway/budgets/budgets.ts";
import {
  memoryCounters,
  type Counters,
} from "../../gateway/budgets/counters.ts";
import type { BudgetLimits } from "../../gateway/budgets/limits.ts";
import { Pace } from "../../gateway/budgets/pace.ts";
import { usualMaxCost } from "../../gateway/cost/limit-cost.ts";
import { startGateway } from "../../gateway/server.ts";
import { usualCostUnderWay } from "../../gateway/under-way.ts";
import type { Safelist } from "../../gateway/persisted-operations.ts";
import { identifyBy } from "../../gateway/identity.ts";
import { ownTokens } from "../../issuer/own-tokens.ts";
import type { DataSource } from "../../gateway/data-source.ts";
import { InternalTokenSigner } from "../../common/internal-token.ts";
import type { Handler } from "../../common/http-server.ts";
import type { OnRefusal } from "../../common/ledger/refusals.ts";
import type { CallHandler } from "../../common/call-handler.ts";
import type { TrustedIssuer } from "../../common/trusted-issuer.ts";
import { createLogger, type Logger } from "../../common/log.ts";
import type { Subgraph } from "../../common/schema.ts";
import { startSubgraph } from "../../common/subgraph.ts";
import { isReachable, type Knex } from "../../common/database.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { freePort } from "./process.ts";
import type { Answer } from "./run.ts";
import { TestIssuer } from "./tokens.ts";

// The gateway would report its environment to its makers.
process.env["APOLLO_TELEMETRY_DISABLED"] = "1";

export const modes = ["in one process", "as separate processes"] as const;
export type Mode = (typeof modes)[number];

/** Signed in, for what takes no more than that. */
export const somebody: Viewer = {
  ...anonymous,
  identityId: "5b0d1f5e-5bd0-4b4e-8b0e-0d6f3c1f9a11",
};

/** A running graph, spoken to over HTTP. */
export interface TestGraph {
  readonly url: string;
  readonly issuer: TestIssuer;
  /** Of subgraphs that are processes of their own, by name. */
  readonly subgraphUrls: ReadonlyMap<string, string>;
  /** Runs an operation as somebody, or with a token of the test's own making. */
  request(
    caller: Viewer | string,
    query: string,
    variables?: Readonly<Record<string, unknown>>,
  ): Promise<Answer>;
  /** Takes one of the subgraphs away that are processes of their own. */
  stopSubgraph(name: string): Promise<void>;
  /** Brings it back, or one that was not there from the beginning, to where the gateway looks for it. */
  startSubgraph(name: string): Promise<void>;
  /** Has the gateway serve another supergraph. */
  serve(supergraphSdl: string): Promise<void>;
  /** Any request at the gateway; as `somebody`, unless it says who asks. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface TestGraphOptions {
  readonly mode: Mode;
  readonly supergraphSdl: string;
  readonly subgraphs: readonly Subgraph[];
  /** Asked for readiness. */
  readonly db: Knex;
  readonly log?: Logger;
  readonly introspection?: boolean;
  readonly bodyLimits?: BodyLimits;
  readonly maxCost?: number;
  readonly costUnderWay?: number;
  readonly budgetLimits?: BudgetLimits;
  /** The budgets whose pace tenants keep, where that is not theirs: a small one lasts for few operations a minute. */
  readonly pacedBy?: BudgetLimits;
  readonly counters?: Counters;
  readonly planMs?: number;
  /** By default nobody is told, so that a test can show that a refusal wrote nothing. */
  readonly onRefusal?: OnRefusal;
  readonly graceMs?: number;
  readonly safelist?: Safelist;
  /** Issuers that are believed besides the test's own. */
  readonly trusted?: readonly TrustedIssuer[];
  /** Subgraphs that are not there when the gateway starts. */
  readonly absent?: readonly string[];
  /** In place of the issuer. */
  readonly oidc?: Handler;
}

/** As much as anybody wants. */
export const noBudgets: BudgetLimits = {
  windowSeconds: 60,
  identity: 1e9,
  tenant: 1e9,
  address: 1e9,
};

const internalTokenSecret = "a secret of gateway and subgraphs in tests";

/** The gateway before these subgraphs, which are servers of their own on loopback unless they are in one process. */
export async function startTestGraph({
  mode,
  supergraphSdl,
  subgraphs,
  db,
  log = createLogger("test", "silent"),
  introspection = true,
  bodyLimits = usualBodyLimits,
  maxCost = usualMaxCost,
  costUnderWay = usualCostUnderWay,
  budgetLimits = noBudgets,
  pacedBy = budgetLimits,
  counters = memoryCounters(budgetLimits.windowSeconds),
  // Others work on the same machine.
  planMs = 30_000,
  onRefusal = () => undefined,
  graceMs = 0,
  safelist,
  trusted = [],
  absent = [],
  oidc = (_request, response) => {
    response.end("the issuer");
  },
}: TestGraphOptions): Promise<TestGraph> {
  const issuer = await TestIssuer.create();
  const tokens = new InternalTokenSigner(internalTokenSecret);
  const stops = new Map<string, () => Promise<void>>();
  const starts = new Map<string, () => Promise<void>>();
  const subgraphUrls = new Map<string, string>();
  const dataSources = new Map<string, DataSource>();
  const subgraphRoutes: Record<string, CallHandler> = {};
  for (const subgraph of subgraphs) {
    const { name } = subgraph;
    if (mode === "in one process") {
      dataSources.set(name, new LocalDataSource(subgraph, log));
      Object.assign(subgraphRoutes, subgraph.routes);
      continue;
    }
    const port = await freePort();
    const url = new URL(`http://127.0.0.1:${port}/graphql`);
    starts.set(name, async () => {
      const server = await startSubgraph({
        subgraph,
        db,
        host: "127.0.0.1",
        port,
        graceMs: 0,
        internalTokenSecret,
        log,
      });
      stops.set(name, () => server.stop());
    });
    if (!absent.includes(name)) await starts.get(name)?.();
    const dataSource = new HttpDataSource({ name, url, tokens, log });
    subgraphUrls.set(name, url.href);
    dataSources.set(name, dataSource);
    stops.set(`the way to ${name}`, () => dataSource.close());
    if (!subgraph.routes) continue;
    const forwarder = new Forwarder(url, tokens);
    for (const path of streamPaths) subgraphRoutes[path] = forwarder.handler;
    stops.set(`the other way to ${name}`, () =>
      Promise.resolve(forwarder.close()),
    );
  }
  const gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    graceMs,
    isReady: () => isReachable(db),
    supergraphSdl,
    dataSources,
    subgraphRoutes,
    budgets: new Budgets({
      limits: budgetLimits,
      pace: new Pace(pacedBy),
      counters,
      identify: identifyBy([ownTokens(issuer.options), ...trusted]),
      trustProxy: true,
    }),
    introspection,
    limits: usualLimits,
    bodyLimits,
    planMs,
    knownDocuments: [],
    maxCost,
    costUnderWay,
    onRefusal,
    safelist,
    origins: ["https://allowed.example"],
    isBuiltInOn: true,
    oidc,
    log,
  });

  return {
    url: gateway.url,
    issuer,
    subgraphUrls,
    async request(caller, query, variables = {}) {
      const token =
        typeof caller === "string" ? caller : await issuer.tokenFor(caller);
      const response = await fetch(new URL("/graphql", gateway.url), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(token !== null && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ query, variables }),
      });
      const answer = (await response.json()) as Partial<Answer>;
      return { data: null, errors: [], ...answer };
    },
    async stopSubgraph(name) {
      await stops.get(name)?.();
      stops.delete(name);
    },
    async startSubgraph(name) {
      await starts.get(name)?.();
    },
    serve: (sdl) => gateway.serve(sdl),
    async fetch(path, init) {
      const headers = new Headers(init?.headers);
      if (!headers.has("authorization"))
        headers.set(
          "authorization",
          `Bearer ${await issuer.tokenFor(somebody)}`,
        );
      return fetch(new URL(path, gateway.url), { ...init, headers });
    },
    async stop() {
      await gateway.stop();
      for (const stop of stops.values()) await stop();
    },
  };
}
