import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { graphqlHandler } from "../common/graphql-server.ts";
import type { Handler } from "../common/http-server.ts";
import type { OnRefusal } from "../common/ledger/refusals.ts";
import type { Logger } from "../common/log.ts";
import { maskErrors } from "../common/masking.ts";
import { stringifyResult } from "../common/packed.ts";
import { BodyBudget, type BodyLimits } from "./bodies.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { limitCost } from "./cost/limit-cost.ts";
import type { DataSource, GatewayContext } from "./data-source.ts";
import { parsedDocuments } from "./parsed-documents.ts";
import { executingGateway } from "./execution/gateway.ts";
import {
  admission,
  admitBytes,
  isNobody,
  type RequestLimits,
} from "./limits.ts";
import { PersistedOperations, type Safelist } from "./persisted-operations.ts";
import { ThreadPlanner } from "./planning/thread-planner.ts";
import { tellRefusals } from "./refusals.ts";
import { UnderWay } from "./under-way.ts";

export interface GraphOptions {
  /** The ways to the subgraphs, by their names. */
  readonly dataSources: ReadonlyMap<string, DataSource>;
  /** Who calls, and what that is charged to. */
  readonly budgets: Budgets;
  readonly introspection: boolean;
  readonly limits: RequestLimits;
  readonly bodyLimits: BodyLimits;
  /** How long an operation may take to be planned. */
  readonly planMs: number;
  /** Documents whose operations are planned at start. */
  readonly knownDocuments: readonly string[];
  /** The only operations that are served; all are where there is none. */
  readonly safelist?: Safelist | undefined;
  /** What an operation may cost. */
  readonly maxCost: number;
  /** What the operations of a tenant may cost that are executed at a time. */
  readonly costUnderWay: number;
  readonly onRefusal: OnRefusal;
  readonly log: Logger;
}

/** A supergraph that is served. */
interface Graph {
  readonly handler: Handler;
  /** Of the operations that were sent last. */
  documents(): string[];
  /** When all requests that it has begun are answered. */
  stop(): Promise<void>;
}

/** Where the server that asks has stopped, nobody waits for what is still running. */
const lastMs = 5_000;

/** Serves a supergraph, and another one instead when it is told to. */
export class Graphs {
  private served: Graph | undefined;
  private readonly handlerOf;
  private readonly underWay: UnderWay;
  private last: Promise<unknown> = Promise.resolve();
  private readonly stopped: Promise<void>[] = [];
  private readonly over = new AbortController();

  constructor(private readonly options: GraphOptions) {
    this.handlerOf = handlerFor(options);
    this.underWay = new UnderWay(options.costUnderWay);
  }

  readonly handler: Handler = (request, response) =>
    this.served?.handler(request, response);

  /**
   * Serves this one from now on, once it has planned what is known and what was sent last. Whoever has asked the one
   * before is answered by that. A supergraph that cannot be served is thrown, and changes nothing.
   */
  serve(supergraphSdl: string): Promise<void> {
    const change = this.last.then(async () => {
      const before = this.served;
      this.served = await this.start(supergraphSdl, [
        ...new Set([
          ...this.options.knownDocuments,
          ...(before?.documents() ?? []),
        ]),
      ]);
      if (before) this.stopped.push(before.stop());
    });
    this.last = change.catch(() => undefined);
    return change;
  }

  /** Once all connections have ended. */
  async stop(): Promise<void> {
    await this.last;
    const deadline = setTimeout(() => this.over.abort(), lastMs);
    await Promise.all([...this.stopped, this.served?.stop()]);
    clearTimeout(deadline);
  }

  private async start(
    supergraphSdl: string,
    documents: readonly string[],
  ): Promise<Graph> {
    const planner = new ThreadPlanner(supergraphSdl, this.options.planMs);
    try {
      const gateway = executingGateway({
        supergraphSdl,
        planner,
        knownDocuments: documents,
        log: this.options.log,
        dataSourceFor: (name) => this.dataSourceFor(name),
      });
      const server = apolloServer(
        this.underWay.bounded(gateway),
        supergraphSdl,
        this.options,
      );
      await server.start();
      const handle = this.handlerOf(server);
      const running = new Set<unknown>();
      const over = once(this.over.signal, "abort");
      return {
        async handler(request, response) {
          const answered = handle(request, response);
          running.add(answered);
          try {
            await answered;
          } finally {
            running.delete(answered);
          }
        },
        documents: () => gateway.documents(),
        async stop() {
          await Promise.race([Promise.allSettled(running), over]);
          await server.stop();
          await planner.stop();
        },
      };
    } catch (error) {
      await planner.stop();
      throw error;
    }
  }

  private dataSourceFor(name: string): DataSource {
    const dataSource = this.options.dataSources.get(name);
    if (!dataSource) throw new Error(`No way leads to subgraph ${name}.`);
    return dataSource;
  }
}

function apolloServer(
  gateway: ReturnType<typeof executingGateway>,
  supergraphSdl: string,
  { introspection, maxCost, onRefusal, log }: GraphOptions,
): ApolloServer<GatewayContext> {
  return new ApolloServer<GatewayContext>({
    gateway,
    introspection,
    hideSchemaDetailsFromClientErrors: !introspection,
    persistedQueries: false,
    documentStore: parsedDocuments(),
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
      disownGone,
    ],
  });
}

/** What is counted over requests goes on from one supergraph to the next. */
function handlerFor({
  budgets,
  limits,
  bodyLimits,
  safelist,
  log,
}: GraphOptions) {
  const admit = admission(limits);
  const bodies = new BodyBudget(bodyLimits);
  const operations = new PersistedOperations(safelist);
  return (server: ApolloServer<GatewayContext>): Handler =>
    graphqlHandler({
      server,
      requestId: () => randomUUID(),
      async createContext(request, requestId, response) {
        const account = await budgets.receive(request, requestId, response);
        account.chargeAtEnd();
        return {
          call: { viewer: account.viewer, requestId },
          subgraphContexts: new Map(),
          cost: null,
          account,
          isGone: () => response.destroyed,
        };
      },
      admitBytes: (bytes, { call }) => admitBytes(bytes, call.viewer, limits),
      roomFor: ({ call }) => bodies.roomFor(call.viewer),
      admit(asked, { call }) {
        admit(asked.query, call.viewer);
        const query = operations.textOf(asked);
        // Who sends a hash needs what its text needs.
        admit(query, call.viewer);
        // Or anybody could have it forget what others have sent.
        if (!isNobody(call.viewer)) operations.remember(asked);
        return query;
      },
      log,
    });
}

/** What is wrong with the operation that is meant, told before the gateway fails for want of it. */
const resolveOperation: ApolloServerPlugin<GatewayContext> = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ operation, request, schema }) {
        if (operation && schema.getRootType(operation.operation))
          return Promise.resolve();
        // No rule by which documents are validated says it.
        if (operation)
          throw new GraphQLError(
            `The graph has no ${operation.operation}s. Send a query or a mutation.`,
            {
              extensions: {
                code: "GRAPHQL_VALIDATION_FAILED",
                http: { status: 400 },
              },
            },
          );
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

/** A subgraph asks whether the caller is still there, and the budgets take its word. */
const disownGone: ApolloServerPlugin<GatewayContext> = {
  requestDidStart: () =>
    Promise.resolve({
      async willSendResponse({ response, contextValue: { account } }) {
        if (
          response.body.kind === "single" &&
          response.body.singleResult.errors?.some(
            ({ extensions }) => extensions?.["code"] === "UNAUTHENTICATED",
          )
        )
          await account.disown();
      },
    }),
};

/** Which subgraph serves a field is no part of the contract. */
function withoutSubgraph(error: GraphQLFormattedError): GraphQLFormattedError {
  const extensions = { ...error.extensions };
  delete extensions["serviceName"];
  return { ...error, extensions };
}
