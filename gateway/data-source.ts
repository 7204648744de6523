import type { GraphQLDataSource } from "@apollo/gateway";
import {
  Kind,
  type DocumentNode,
  type GraphQLFormattedError,
  type SelectionSetNode,
} from "graphql";
import type { CallContext } from "../common/permissions.ts";
import type { Call } from "../common/viewer.ts";

/** What one request carries through the gateway to every fetch. */
export interface GatewayContext {
  readonly call: Call;
  /** The contexts of subgraphs in this process, by name; made when first needed. */
  readonly subgraphContexts: Map<string, CallContext>;
}

export type DataSource = GraphQLDataSource<GatewayContext>;
export type Fetch = Parameters<DataSource["process"]>[0];
export type FetchAnswer = Awaited<ReturnType<DataSource["process"]>>;

/**
 * The error of a subgraph as it goes on. The gateway has validated the operation: what a subgraph still finds wrong in
 * one is a literal that its scalar refuses, which is the client's input.
 */
export function fromSubgraph(
  error: GraphQLFormattedError,
): GraphQLFormattedError {
  if (error.extensions?.["code"] !== "GRAPHQL_VALIDATION_FAILED") return error;
  return { ...error, extensions: { code: "BAD_USER_INPUT" } };
}

/** The answer of a subgraph that did not: its part is null, and the error stands at what was asked of it. */
export function failed(
  document: DocumentNode | undefined,
  code: "UNAVAILABLE" | "TIMEOUT",
  message: string,
): FetchAnswer {
  const errors = rootFields(document).map((field) => ({
    message,
    // The gateway puts the path of the first entity for the 0.
    path: field === "_entities" ? [field, 0] : [field],
    extensions: { code },
  }));
  return { data: null, errors } as unknown as FetchAnswer;
}

function rootFields(document: DocumentNode | undefined): string[] {
  const operation = document?.definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  return operation ? fieldsOf(operation.selectionSet) : [];
}

/** The planner spreads no named fragments at the root; it keeps those with a condition inline. */
const fieldsOf = ({ selections }: SelectionSetNode): string[] =>
  selections.flatMap((selection) => {
    if (selection.kind === Kind.INLINE_FRAGMENT)
      return fieldsOf(selection.selectionSet);
    if (selection.kind === Kind.FRAGMENT_SPREAD) return [];
    return [selection.alias?.value ?? selection.name.value];
  });
