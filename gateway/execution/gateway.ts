import { Supergraph } from "@apollo/federation-internals";
import {
  buildOperationContext,
  executeQueryPlan,
  type ApolloGateway,
} from "@apollo/gateway";
import type { QueryPlan } from "@apollo/query-planner";
import type { ApolloServerOptionsWithGateway } from "@apollo/server";
import {
  Kind,
  parse,
  validate,
  type DocumentNode,
  type OperationDefinitionNode,
} from "graphql";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Logger } from "../../common/log.ts";
import { asWhole } from "../../common/refusal.ts";
import { Gone, tenantOf } from "../../common/turns.ts";
import type { DataSource, GatewayContext } from "../data-source.ts";
import { asksForSchemaAlone } from "../limits.ts";
import { compileOperation } from "./operation.ts";
import type { PlannedOperation, Planner } from "./planner.ts";
import { Remembered } from "./remembered.ts";
import type { Execute, GatewayRequest } from "./run.ts";
import { compilePlan } from "./steps.ts";

type Gateway = ApolloServerOptionsWithGateway<GatewayContext>["gateway"];

export interface GatewayParts {
  readonly supergraphSdl: string;
  readonly planner: Planner;
  /** Documents whose operations are planned before the first request comes, the first of them first. */
  readonly knownDocuments: readonly string[];
  readonly log: Logger;
  /** The way to a subgraph, by its name. */
  readonly dataSourceFor: (subgraph: string) => DataSource;
}

/** An operation that has been planned and compiled. */
interface Prepared {
  readonly execute: Execute;
  /** Of its plan as JSON. */
  readonly characters: number;
  /** The text of its document. */
  readonly text: string;
}

/** Of queries and plans; what is kept of one takes some times as many bytes. */
const rememberedCharacters = 15_000_000;
/** What the smallest takes, in characters. */
const leastCharacters = 5_000;

/** As many operations are prepared for a supergraph before it is served, for so long. */
const maxPrepared = 300;
const prepareMs = 30_000;

/**
 * The supergraph for Apollo Server: an operation is planned once and compiled, for what the stock gateway works out anew
 * for each request takes a good part of it. A plan that is none of ours is executed as the stock gateway does it.
 */
export function executingGateway({
  supergraphSdl,
  planner,
  knownDocuments,
  log,
  dataSourceFor,
}: GatewayParts): Gateway & {
  /** Of the operations that were sent last. */
  documents(): string[];
} {
  const supergraph = Supergraph.build(supergraphSdl);
  const apiSchema = supergraph.apiSchema();
  const schema = apiSchema.toGraphQLJSSchema();
  const supergraphSchema = supergraph.schema.toGraphQLJSSchema();
  const operations = new Remembered<Prepared>(
    rememberedCharacters,
    ({ characters }) => characters,
  );
  const dataSources = Object.fromEntries(
    supergraph
      .subgraphsMetadata()
      .map(({ name }) => [name, dataSourceFor(name)]),
  );

  async function prepare(
    planned: PlannedOperation,
    text: string,
  ): Promise<Prepared> {
    const { document, operationName } = planned;
    const plan: QueryPlan = asksForSchemaAlone(document)
      ? { kind: "QueryPlan" }
      : await planner.plan(planned);
    const characters = JSON.stringify(plan).length;
    const operation = buildOperationContext({
      schema,
      operationDocument: document,
      ...(operationName !== undefined && { operationName }),
    });
    const fetchAll = compilePlan(plan, { supergraphSchema, dataSources });
    const execute: Execute = fetchAll
      ? compileOperation(operation, fetchAll)
      : (request) =>
          executeQueryPlan(
            plan,
            dataSources,
            request,
            operation,
            supergraphSchema,
            apiSchema,
          );
    return { execute, characters, text };
  }

  function prepared(
    text: string,
    document: DocumentNode,
    queryHash: string,
    operationName: string | undefined,
    { whose, isGone }: Pick<PlannedOperation, "whose" | "isGone">,
  ): Promise<Prepared> {
    const isAlone = operationsIn(document).length === 1;
    const hash = isAlone ? queryHash : `${queryHash} ${operationName}`;
    const planned = { document, operationName, hash, whose, isGone };
    // Anybody sends such, signed in or not.
    if (asksForSchemaAlone(document)) return prepare(planned, text);
    return operations.find(hash, text.length + leastCharacters, () =>
      prepare(planned, text),
    );
  }

  async function prepareKnown(text: string): Promise<void> {
    try {
      const document = parse(text, { noLocation: true });
      const [fault] = validate(schema, document);
      if (fault) throw fault;
      const queryHash = createHash("sha256").update(text).digest("hex");
      for (const { name } of operationsIn(document))
        await prepared(text, document, queryHash, name?.value, {
          whose: "",
          isGone: () => false,
        });
    } catch (err) {
      log.warn({ err, document: text.slice(0, 200) }, "no plan at start");
    }
  }

  const executor: ApolloGateway["executor"] = async (request) => {
    const { document, queryHash, source } = request;
    const { operationName } = request.request;
    const { call, isGone } = (request as GatewayRequest).context;
    const sender = { whose: tenantOf(call.viewer), isGone };
    const ready = (): Promise<Prepared> =>
      prepared(source, document, queryHash, operationName, sender).catch(
        (error: unknown) => {
          // Only who had asked for the same first has gone.
          if (error instanceof Gone && !isGone()) return ready();
          throw asWhole(error);
        },
      );
    const { execute } = await ready();
    return execute(request as GatewayRequest);
  };

  return {
    onSchemaLoadOrUpdate(tell) {
      tell({ apiSchema: schema, coreSupergraphSdl: supergraphSdl });
      return () => undefined;
    },
    async load() {
      const until = performance.now() + prepareMs;
      for (const text of knownDocuments.slice(0, maxPrepared)) {
        if (performance.now() > until) break;
        await prepareKnown(text);
        // A graph may be served meanwhile.
        await setImmediate();
      }
      return { executor };
    },
    stop: () => Promise.resolve(),
    documents: () => [...new Set(operations.made().map(({ text }) => text))],
  };
}

const operationsIn = ({ definitions }: DocumentNode) =>
  definitions.filter(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION,
  );
