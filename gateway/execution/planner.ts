import {
  operationFromDocument,
  type Supergraph,
} from "@apollo/federation-internals";
import { QueryPlanner, type QueryPlan } from "@apollo/query-planner";
import { Kind, visit, type DocumentNode } from "graphql";

/** A validated operation, as it is planned. */
export interface PlannedOperation {
  readonly document: DocumentNode;
  /** Which of several in the document. */
  readonly operationName: string | undefined;
  /** Of the document's text, and of the name if there is one. */
  readonly hash: string;
  /** The tenant that sends it, or the person, by id; empty for nobody's. */
  readonly whose: string;
  /** Whether nobody waits for its plan any more. */
  readonly isGone: () => boolean;
}

/** Makes plans, or throws why it does not; whoever asks remembers the plan, but no refusal. */
export interface Planner {
  plan(operation: PlannedOperation): Promise<QueryPlan>;
}

/** Apollo's planner, which plans in this thread. */
export function apolloPlanner(supergraph: Supergraph): Planner {
  const apiSchema = supergraph.apiSchema();
  const planner = new QueryPlanner(supergraph, {
    // Data sources execute these documents, or read from them what was asked.
    exposeDocumentNodeInFetchNode: true,
    debug: { maxEvaluatedPlans: 500 },
  });
  return {
    async plan({ document, operationName }) {
      const operation = operationFromDocument(
        apiSchema,
        withoutIntrospection(document),
        { ...(operationName !== undefined && { operationName }) },
      );
      return planner.buildQueryPlan(operation);
    },
  };
}

/**
 * What is asked of the schema, no subgraph is asked for. The planner knows that only where it stands directly in the
 * operation, and fails where it stands in a fragment.
 */
const withoutIntrospection = (document: DocumentNode): DocumentNode =>
  visit(document, {
    Field: ({ name }) =>
      ["__schema", "__type"].includes(name.value) ? typename : undefined,
  });

const typename = {
  kind: Kind.FIELD,
  name: { kind: Kind.NAME, value: "__typename" },
} as const;
