import { fileURLToPath } from "node:url";
import type { EnvironmentReader } from "../common/config.ts";
import { readListenAddress } from "../common/http-server.ts";
import { readInternalTokenSecret } from "../common/internal-token.ts";
import { readRefusalsPerMinute } from "../common/ledger/refusals.ts";
import { readLogLevel } from "../common/log.ts";
import { readPublicUrl } from "../common/public-url.ts";
import { usualTimeoutMs } from "./http-data-source.ts";
import { readBodyLimits } from "./bodies.ts";
import { readBudgetStore } from "./budgets/counters.ts";
import { readBudgetLimits } from "./budgets/limits.ts";
import { usualMaxCost } from "./cost/limit-cost.ts";
import { usualLimits, type RequestLimits } from "./limits.ts";
import { usualPlanMs } from "./planning/thread-planner.ts";
import { ownSupergraph } from "./supergraph.ts";
import { usualCostUnderWay } from "./under-way.ts";

/** Apollo's front ends are served from there; they may call a server that is being developed. */
const developmentOrigins = [
  "https://studio.apollographql.com",
  "https://sandbox.embed.apollographql.com",
];

const examples = fileURLToPath(new URL("../examples", import.meta.url));

/** What the gateway is told wherever it runs. */
export function readGatewayConfig(reader: EnvironmentReader) {
  const isDevelopment = reader.optional("NODE_ENV") !== "production";
  const limits = readRequestLimits(reader);
  const maxCost = reader.integer("QUERY_COST", usualMaxCost, {
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
  });
  return {
    ...readListenAddress(reader, 4000),
    refusalsPerMinute: readRefusalsPerMinute(reader),
    introspection: reader.flag("INTROSPECTION", isDevelopment),
    limits,
    bodyLimits: readBodyLimits(reader, limits.bodyBytes),
    operationsFile: reader.optional("OPERATIONS_FILE"),
    knownOperations: reader.text("KNOWN_OPERATIONS", examples),
    planMs: reader.integer("PLAN_MILLISECONDS", usualPlanMs, {
      min: 10,
      max: 60_000,
    }),
    maxCost,
    costUnderWay: reader.integer("COST_UNDER_WAY", usualCostUnderWay, {
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
    }),
    budgetLimits: readBudgetLimits(reader, maxCost),
    budgetStore: readBudgetStore(reader),
    origins: [
      readPublicUrl(reader).origin,
      ...readOrigins(reader),
      ...(isDevelopment ? developmentOrigins : []),
    ],
  };
}

/** What else it is told in a process of its own. */
export const readGatewayProcessConfig = (reader: EnvironmentReader) => ({
  ...readGatewayConfig(reader),
  subgraphUrls: {
    tenant: reader.url("TENANT_URL", "http://127.0.0.1:4001"),
    community: reader.url("COMMUNITY_URL", "http://127.0.0.1:4002"),
    stream: reader.url("STREAM_URL", "http://127.0.0.1:4003"),
  },
  subgraphTimeoutsMs: {
    tenant: readTimeoutMs(reader, "TENANT_TIMEOUT_MS"),
    community: readTimeoutMs(reader, "COMMUNITY_TIMEOUT_MS"),
    stream: readTimeoutMs(reader, "STREAM_TIMEOUT_MS"),
  },
  supergraphFile: reader.text("SUPERGRAPH_FILE", ownSupergraph),
  internalTokenSecret: readInternalTokenSecret(reader),
  issuerDatabaseUrl: reader.text("ISSUER_DATABASE_URL"),
  poolSize: reader.integer("POOL_SIZE", 10, { min: 1, max: 1000 }),
  logLevel: readLogLevel(reader),
});

function readRequestLimits(reader: EnvironmentReader): RequestLimits {
  const atMost = (name: string, limit: keyof RequestLimits, max: number) =>
    reader.integer(name, usualLimits[limit], { min: 1, max });
  return {
    bodyBytes: atMost("REQUEST_BYTES", "bodyBytes", 2 ** 28),
    characters: atMost("QUERY_CHARACTERS", "characters", 1_000_000),
    tokens: atMost("QUERY_TOKENS", "tokens", 100_000),
    depth: atMost("QUERY_DEPTH", "depth", 100),
    rootFields: atMost("QUERY_ROOT_FIELDS", "rootFields", 10_000),
    aliases: atMost("QUERY_ALIASES", "aliases", 10_000),
    directives: atMost("QUERY_DIRECTIVES", "directives", 10_000),
    fields: atMost("QUERY_FIELDS", "fields", 100_000),
  };
}

const readTimeoutMs = (reader: EnvironmentReader, name: string) =>
  reader.integer(name, usualTimeoutMs, { min: 100, max: 3_600_000 });

function readOrigins(reader: EnvironmentReader): string[] {
  const list = reader.optional("CORS_ORIGINS")?.split(",") ?? [];
  const origins = list.map((origin) => origin.trim());
  for (const origin of origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      reader.fault(
        `CORS_ORIGINS must list origins by commas, like https://app.example.com, not "${origin}".`,
      );
  return origins;
}
