import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { randomUUID } from "node:crypto";
import { calledRoutes, type CallRoutes } from "../common/call-handler.ts";
import { unauthenticated } from "../common/errors.ts";
import { graphqlHandler } from "../common/graphql-server.ts";
import {
  listen,
  type Handler,
  type HttpServer,
  type ListenOptions,
} from "../common/http-server.ts";
import type { OnRefusal } from "../common/ledger/refusals.ts";
import { maskErrors } from "../common/masking.ts";
import { stringifyResult } from "../common/packed.ts";
import { BodyBudget, type BodyLimits } from "./bodies.ts";
import { cors } from "./cors.ts";
import type { DataSource, GatewayContext } from "./data-source.ts";
import { explorer } from "./explorer.ts";
import type { Identify } from "./identity.ts";
import { admission, admitBytes, type RequestLimits } from "./limits.ts";
import { limitCost } from "./cost/limit-cost.ts";
import { tellRefusals } from "./refusals.ts";
import { executingGateway } from "./execution/gateway.ts";
import type { Planner } from "./execution/planner.ts";
import { invitationPage } from "./invitation-page.ts";
import { ThreadPlanner } from "./planning/thread-planner.ts";

export interface GatewayOptions extends Omit<ListenOptions, "routes"> {
  readonly supergraphSdl: string;
  /** What subgraphs serve beside the graph. */
  readonly subgraphRoutes: CallRoutes;
  /** The ways to the subgraphs, by their names. */
  readonly dataSources: ReadonlyMap<string, DataSource>;
  readonly identify: Identify;
  readonly introspection: boolean;
  readonly limits: RequestLimits;
  readonly bodyLimits: BodyLimits;
  /** How long an operation may take to be planned. */
  readonly planMs: number;
  /** Documents whose operations are planned at start. */
  readonly knownDocuments: readonly string[];
  /** What an operation may cost. */
  readonly maxCost: number;
  /** Of pages that may call from a browser. */
  readonly origins: readonly string[];
  /** The issuer, which has everything below /oidc. */
  readonly oidc: Handler;
  readonly onRefusal: OnRefusal;
  /** What a developer reads instead of e-mails, if anything. */
  readonly mailbox?: Handler | undefined;
}

/** Serves the graph, its explorer, the issuer, the page that invitations lead to, and the mailbox where there is one. */
export async function startGateway(
  options: GatewayOptions,
): Promise<HttpServer> {
  const planner = new ThreadPlanner(options.supergraphSdl, options.planMs);
  const server = graphqlServer(options, planner);
  await server.start();
  const http = await listen({
    ...options,
    routes: {
      "/graphql": cors(options.origins, graphql(server, options)),
      ...routesFor(options),
      "/oidc/*": options.oidc,
      "/": explorer(),
      "/invitation/*": invitationPage,
      ...(options.mailbox && { "/dev/mail": options.mailbox }),
    },
  });
  return {
    url: http.url,
    async stop() {
      await http.stop();
      await server.stop();
      await planner.stop();
    },
  };
}

function graphqlServer(
  {
    supergraphSdl,
    knownDocuments,
    dataSources,
    introspection,
    maxCost,
    onRefusal,
    log,
  }: GatewayOptions,
  planner: Planner,
): ApolloServer<GatewayContext> {
  const gateway = executingGateway({
    supergraphSdl,
    planner,
    knownDocuments,
    log,
    dataSourceFor(name) {
      const dataSource = dataSources.get(name);
      if (!dataSource) throw new Error(`No way leads to subgraph ${name}.`);
      return dataSource;
    },
  });
  return new ApolloServer<GatewayContext>({
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
      limitCost(supergraphSdl, maxCost),
      maskErrors(log, withoutSubgraph),
      tellRefusals(onRefusal),
    ],
  });
}

function graphql(
  server: ApolloServer<GatewayContext>,
  { identify, limits, bodyLimits, log }: GatewayOptions,
): Handler {
  const admit = admission(limits);
  const bodies = new BodyBudget(bodyLimits);
  return graphqlHandler({
    server,
    requestId: () => randomUUID(),
    createContext: async (request, requestId) => ({
      call: { viewer: await identify(request), requestId },
      subgraphContexts: new Map(),
      cost: null,
    }),
    admitBytes: (bytes, { call }) => admitBytes(bytes, call.viewer, limits),
    roomFor: ({ call }) => bodies.roomFor(call.viewer),
    admit: (query, { call }) => admit(query, call.viewer),
    log,
  });
}

/** As the graph, for pages of the same origins; nobody is anonymous here. */
function routesFor({
  subgraphRoutes,
  origins,
  identify,
  log,
}: GatewayOptions): Record<string, Handler> {
  const routes = calledRoutes(subgraphRoutes, {
    requestId: () => randomUUID(),
    viewer: async (request) => {
      const viewer = await identify(request);
      if (viewer.identityId === null && viewer.person === null)
        throw unauthenticated();
      return viewer;
    },
    log,
  });
  return Object.fromEntries(
    Object.entries(routes).map(([path, handler]) => [
      path,
      cors(origins, handler),
    ]),
  );
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
  const extensions = { ...error.extensions };
  delete extensions["serviceName"];
  return { ...error, extensions };
}
