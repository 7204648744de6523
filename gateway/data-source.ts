import type { GraphQLDataSource } from "@apollo/gateway";
import {
  Kind,
  type DocumentNode,
  type GraphQLFormattedError,
  type SelectionSetNode,
} from "graphql";
import type { CallContext } from "../common/permissions.ts";
import type { Call } from "../common/viewer.ts";
import type { Account } from "./budgets/account.ts";

/** What one request carries through the gateway to every fetch. */
export interface GatewayContext {
  readonly call: Call;
  /** The contexts of subgraphs in this process, by name; made when first needed. */
  readonly subgraphContexts: Map<string, CallContext>;
  /** What the operation may cost; null until that is known, and for one that is refused. */
  cost: number | null;
  readonly account: Pick<Account, "charge" | "disown" | "rest">;
  /** Whether its client has gone, so that nobody waits for an answer. */
  readonly isGone: () => boolean;
}

/** The way to a subgraph. It answers for every entity that it is asked for, or for none. */
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

/** Of the places where a part of an answer is missing, so many are told. */
const maxFailures = 1_000;

/** The answer of a subgraph that did not: its part is null, and an error stands at each place of it. */
export function failed(
  document: DocumentNode | undefined,
  representations: unknown,
  code: "UNAVAILABLE" | "TIMEOUT",
  message: string,
): FetchAnswer {
  const operation = document?.definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const paths = operation
    ? fieldsOf(operation.selectionSet).flatMap(({ key, selectionSet }) =>
        key === "_entities" && selectionSet && Array.isArray(representations)
          ? representations.flatMap((_, i) =>
              fieldsOf(selectionSet).map((field) => [key, i, field.key]),
            )
          : [[key]],
      )
    : [];
  const errors = paths
    .slice(0, maxFailures)
    .map((path) => ({ message, path, extensions: { code } }));
  return { data: null, errors } as unknown as FetchAnswer;
}

interface AskedField {
  /** Its name in the answer. */
  readonly key: string;
  readonly selectionSet: SelectionSetNode | undefined;
}

/** The planner spreads no named fragments; it keeps those with a condition, and those of entities, inline. */
const fieldsOf = ({ selections }: SelectionSetNode): AskedField[] =>
  selections.flatMap((selection) => {
    if (selection.kind === Kind.INLINE_FRAGMENT)
      return fieldsOf(selection.selectionSet);
    if (selection.kind === Kind.FRAGMENT_SPREAD) return [];
    const { alias, name, selectionSet } = selection;
    return [{ key: (alias ?? name).value, selectionSet }];
  });
