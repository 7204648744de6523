import { Supergraph } from "@apollo/federation-internals";
import {
  buildOperationContext,
  executeQueryPlan,
  type ApolloGateway,
} from "@apollo/gateway";
import type { QueryPlan } from "@apollo/query-planner";
import type { ApolloServerOptionsWithGateway } from "@apollo/server";
import {
  getVariableValues,
  Kind,
  parse,
  validate,
  type DocumentNode,
  type OperationDefinitionNode,
} from "graphql";
import { createHash } from "node:crypto";
import type { Logger } from "../../common/log.ts";
import { asWhole } from "../../common/refusal.ts";
import type { DataSource, GatewayContext } from "../data-source.ts";
import type { Planner } from "./planner.ts";
import { Remembered } from "./remembered.ts";

type Gateway = ApolloServerOptionsWithGateway<GatewayContext>["gateway"];
type Executor = ApolloGateway["executor"];

export interface GatewayParts {
  readonly supergraphSdl: string;
  readonly planner: Planner;
  /** Documents whose operations are planned before the first request comes. */
  readonly knownDocuments: readonly string[];
  readonly log: Logger;
  /** The way to a subgraph, by its name. */
  readonly dataSourceFor: (subgraph: string) => DataSource;
}

/** Of plans as JSON; they take about twice as many bytes. */
const rememberedCharacters = 30_000_000;

/** The supergraph for Apollo Server: an operation is planned once, and its plan executed for each request. */
export function executingGateway({
  supergraphSdl,
  planner,
  knownDocuments,
  log,
  dataSourceFor,
}: GatewayParts): Gateway {
  const supergraph = Supergraph.build(supergraphSdl);
  const apiSchema = supergraph.apiSchema();
  const schema = apiSchema.toGraphQLJSSchema();
  const supergraphSchema = supergraph.schema.toGraphQLJSSchema();
  const plans = new Remembered<QueryPlan>(
    rememberedCharacters,
    (plan) => JSON.stringify(plan).length,
  );
  const dataSources = Object.fromEntries(
    supergraph
      .subgraphsMetadata()
      .map(({ name }) => [name, dataSourceFor(name)]),
  );

  function planOf(
    document: DocumentNode,
    queryHash: string,
    operationName: string | undefined,
  ): Promise<QueryPlan> {
    const isAlone = operationsIn(document).length === 1;
    const hash = isAlone ? queryHash : `${queryHash} ${operationName}`;
    return plans.find(hash, () =>
      planner.plan({ document, operationName, hash }),
    );
  }

  async function planKnown(text: string): Promise<void> {
    try {
      const document = parse(text, { noLocation: true });
      const [fault] = validate(schema, document);
      if (fault) throw fault;
      const queryHash = createHash("sha256").update(text).digest("hex");
      for (const { name } of operationsIn(document))
        await planOf(document, queryHash, name?.value);
    } catch (err) {
      log.warn({ err, document: text.slice(0, 200) }, "no plan at start");
    }
  }

  const executor: Executor = async (requestContext) => {
    const { document, queryHash, request } = requestContext;
    const { operationName, variables = {} } = request;
    const operation = buildOperationContext({
      schema,
      operationDocument: document,
      ...(operationName !== undefined && { operationName }),
    });
    const { errors } = getVariableValues(
      schema,
      operation.operation.variableDefinitions ?? [],
      variables,
    );
    if (errors) return { errors };
    const plan = await planOf(document, queryHash, operationName).catch(
      (error: unknown) => {
        throw asWhole(error);
      },
    );
    return executeQueryPlan(
      plan,
      dataSources,
      requestContext,
      operation,
      supergraphSchema,
      apiSchema,
    );
  };

  return {
    onSchemaLoadOrUpdate(tell) {
      tell({ apiSchema: schema, coreSupergraphSdl: supergraphSdl });
      return () => undefined;
    },
    async load() {
      await Promise.all(knownDocuments.map(planKnown));
      return { executor };
    },
    stop: () => Promise.resolve(),
  };
}

const operationsIn = ({ definitions }: DocumentNode) =>
  definitions.filter(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION,
  );
