import { ApolloServer } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import type { IncomingMessage } from "node:http";
import { calledRoutes } from "./call-handler.ts";
import type { EnvironmentReader } from "./config.ts";
import { isReachable, type Knex } from "./database.ts";
import { unauthenticated } from "./errors.ts";
import { assertBytes, graphqlHandler } from "./graphql-server.ts";
import { listen, readListenAddress, type HttpServer } from "./http-server.ts";
import { internalTokens, readInternalTokenSecret } from "./internal-token.ts";
import { readLogLevel, type Logger } from "./log.ts";
import { maskErrors, requestIdHeader } from "./masking.ts";
import { stringifyResult } from "./packed.ts";
import type { CallContext } from "./permissions.ts";
import type { Subgraph } from "./schema.ts";
import type { VerifiedTokens } from "./verified-tokens.ts";
import type { Viewer } from "./viewer.ts";

export interface SubgraphConfig {
  readonly host: string;
  readonly port: number;
  readonly graceMs: number;
  readonly internalTokenSecret: string;
}

/** The settings that every subgraph has in a process of its own. */
export const readSubgraphConfig = (
  reader: EnvironmentReader,
  name: string,
  port: number,
) => ({
  ...readListenAddress(reader, port),
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
  const server = new ApolloServer<CallContext>({
    schema: subgraph.schema,
    introspection: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    stringifyResult,
    logger: log,
    plugins: [
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      maskErrors(log),
    ],
  });
  await server.start();
  const reception = {
    requestId: ({ headers }: IncomingMessage) =>
      String(headers[requestIdHeader] ?? ""),
    viewer: (request: IncomingMessage) => viewerOf(request, tokens),
    log,
  };
  const http = await listen({
    ...address,
    routes: {
      "/graphql": graphqlHandler({
        server,
        admitBytes: (bytes) => assertBytes(bytes, maxBodyBytes),
        requestId: reception.requestId,
        createContext: async (request, requestId) =>
          subgraph.createContext({
            viewer: await reception.viewer(request),
            requestId,
          }),
        log,
      }),
      ...calledRoutes(subgraph.routes ?? {}, reception),
    },
    isReady: () => isReachable(db),
    log,
  });
  return {
    url: http.url,
    async stop() {
      await http.stop();
      await server.stop();
    },
  };
}

/** A body of the gateway holds the client's variables once more, and the references to what it has found. */
const maxBodyBytes = 64 * 2 ** 20;

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
