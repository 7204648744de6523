import { ApolloGateway } from "@apollo/gateway";
import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { randomUUID } from "node:crypto";
import { graphqlHandler } from "../common/graphql-server.ts";
import type { Handler } from "../common/http-server.ts";
import type { Logger } from "../common/log.ts";
import { maskErrors } from "../common/masking.ts";
import { stringifyResult } from "../common/packed.ts";
import { cors } from "./cors.ts";
import type { DataSource, GatewayContext } from "./data-source.ts";
import type { Identify } from "./identity.ts";
import { limits, queryLimits } from "./limits.ts";

export interface GatewayOptions {
  readonly supergraphSdl: string;
  /** How to reach a subgraph, by its name. */
  readonly dataSource: (name: string) => DataSource;
  readonly identify: Identify;
  readonly introspection: boolean;
  /** Of pages that may call from a browser. */
  readonly origins: readonly string[];
  readonly log: Logger;
}

export interface Gateway {
  readonly handler: Handler;
  stop(): Promise<void>;
}

/** The one endpoint of the graph. */
export async function startGateway({
  supergraphSdl,
  dataSource,
  identify,
  introspection,
  origins,
  log,
}: GatewayOptions): Promise<Gateway> {
  const gateway = new ApolloGateway({
    supergraphSdl,
    buildService: ({ name }) => dataSource(name),
    queryPlannerConfig: {
      // Data sources execute these documents, or read from them what was asked.
      exposeDocumentNodeInFetchNode: true,
      debug: { maxEvaluatedPlans: 500 },
    },
    __exposeQueryPlanExperimental: false,
    logger: log,
  });
  const server = new ApolloServer<GatewayContext>({
    gateway,
    introspection,
    hideSchemaDetailsFromClientErrors: !introspection,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    stringifyResult,
    logger: log,
    plugins: [
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      resolveOperation,
      maskErrors(log, withoutSubgraph),
    ],
  });
  await server.start();
  const handler = graphqlHandler({
    server,
    maxBodyBytes: limits.bodyBytes,
    requestId: () => randomUUID(),
    createContext: async (request, requestId): Promise<GatewayContext> => ({
      call: { viewer: await identify(request), requestId },
      subgraphContexts: new Map(),
    }),
    admit: queryLimits(),
    log,
  });
  return {
    handler: cors(origins, handler),
    stop: () => server.stop(),
  };
}

/** Which of several operations is meant, told before the gateway fails for want of it. */
const resolveOperation: ApolloServerPlugin<GatewayContext> = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ operation, request }) {
        if (operation) return Promise.resolve();
        throw new GraphQLError(
          request.operationName
            ? `The query has no operation "${request.operationName}".`
            : "The query has several operations. Name the one to run as operationName.",
          {
            extensions: {
              code: "OPERATION_RESOLUTION_FAILURE",
              http: { status: 400 },
            },
          },
        );
      },
      // What the gateway says about a null that it passes up is meant for the authors of subgraphs.
      willSendResponse({ response }) {
        if (response.body.kind === "single")
          delete response.body.singleResult.extensions;
        return Promise.resolve();
      },
    }),
};

/** Which subgraph serves a field is no part of the contract. */
function withoutSubgraph(error: GraphQLFormattedError): GraphQLFormattedError {
  const { serviceName: _, ...extensions } = error.extensions ?? {};
  return { ...error, extensions };
}
