import { Supergraph } from "@apollo/federation-internals";
import {
  buildOperationContext,
  executeQueryPlan,
  type ApolloGateway,
} from "@apollo/gateway";
import type { QueryPlan } from "@apollo/query-planner";
import type { ApolloServerOptionsWithGateway } from "@apollo/server";
import { getVariableValues } from "graphql";
import type { DataSource, GatewayContext } from "../data-source.ts";
import type { Planner } from "./planner.ts";
import { Remembered } from "./remembered.ts";

type Gateway = ApolloServerOptionsWithGateway<GatewayContext>["gateway"];
type Executor = ApolloGateway["executor"];

export interface GatewayParts {
  readonly supergraphSdl: string;
  readonly plannerFor: (supergraph: Supergraph) => Planner;
  /** The way to a subgraph, by its name. */
  readonly dataSourceFor: (subgraph: string) => DataSource;
}

/** Front ends have few operations. */
const rememberedOperations = 1_000;

/** The supergraph for Apollo Server: an operation is planned once, and its plan executed for each request. */
export function executingGateway({
  supergraphSdl,
  plannerFor,
  dataSourceFor,
}: GatewayParts): Gateway {
  const supergraph = Supergraph.build(supergraphSdl);
  const apiSchema = supergraph.apiSchema();
  const schema = apiSchema.toGraphQLJSSchema();
  const supergraphSchema = supergraph.schema.toGraphQLJSSchema();
  const planner = plannerFor(supergraph);
  const plans = new Remembered<QueryPlan>(rememberedOperations);
  const dataSources = Object.fromEntries(
    supergraph
      .subgraphsMetadata()
      .map(({ name }) => [name, dataSourceFor(name)]),
  );

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
    const hash = operationName ? `${queryHash} ${operationName}` : queryHash;
    const plan = await plans.find(hash, () =>
      planner.plan({ document, operationName, hash }),
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
    load: () => Promise.resolve({ executor }),
    stop: () => Promise.resolve(),
  };
}
