import type { IncomingMessage } from "node:http";
import { calledRoutes } from "./call-handler.ts";
import type { EnvironmentReader } from "./config.ts";
import { isReachable, type Knex } from "./database.ts";
import { unauthenticated } from "./errors.ts";
import { fetchHandler } from "./fetch-handler.ts";
import { listen, readListenAddress, type HttpServer } from "./http-server.ts";
import { internalTokens, readInternalTokenSecret } from "./internal-token.ts";
import { readLogLevel, type Logger } from "./log.ts";
import { requestIdHeader } from "./masking.ts";
import type { Subgraph } from "./schema.ts";
import type { VerifiedTokens } from "./verified-tokens.ts";
import type { Viewer } from "./viewer.ts";

export interface SubgraphConfig {
  readonly host: string;
  readonly port: number;
  readonly graceMs: number;
  readonly internalTokenSecret: string;
}

/** Longer than the gateway's, whose last requests it answers where all are stopped together. */
const usualGraceMs = 2_000;

/** The settings that every subgraph has in a process of its own. */
export const readSubgraphConfig = (
  reader: EnvironmentReader,
  name: string,
  port: number,
) => ({
  ...readListenAddress(reader, port, usualGraceMs),
  internalTokenSecret: readInternalTokenSecret(reader),
  databaseUrl: reader.text(`${name.toUpperCase()}_DATABASE_URL`),
  poolSize: reader.integer("POOL_SIZE", 10, { min: 1, max: 1000 }),
  logLevel: readLogLevel(reader),
});

/**
 * Serves a subgraph as a process of its own, to the gateway alone: a caller shows the gateway's internal token, from
 * loopback too, and is then whom the token names.
 */
export async function startSubgraph({
  subgraph,
  db,
  log,
  internalTokenSecret,
  ...address
}: SubgraphConfig & {
  readonly subgraph: Subgraph;
  /** Asked by `/readyz`. */
  readonly db: Knex;
  readonly log: Logger;
}): Promise<HttpServer> {
  const tokens = internalTokens(internalTokenSecret);
  return listen({
    ...address,
    routes: calledRoutes(
      { "/graphql": fetchHandler(subgraph), ...subgraph.routes },
      {
        requestId: ({ headers }) => String(headers[requestIdHeader] ?? ""),
        viewer: (request) => viewerOf(request, tokens),
        log,
      },
    ),
    isReady: () => isReachable(db),
    log,
  });
}

async function viewerOf(
  { headers: { authorization = "" } }: IncomingMessage,
  tokens: VerifiedTokens<Viewer>,
): Promise<Viewer> {
  const [, token] = /^Bearer (\S+)$/.exec(authorization) ?? [];
  if (token === undefined)
    throw unauthenticated(
      "Only the gateway may call a subgraph; send this to the gateway.",
    );
  return tokens.read(token);
}
