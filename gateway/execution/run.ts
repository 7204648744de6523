import type { ExecutionResult, GraphQLError } from "graphql";
import type { Fetch } from "../data-source.ts";
import type { Entities } from "./entities.ts";
import type { Tree } from "./tree.ts";

/** A request as Apollo Server hands it over. */
export type GatewayRequest = Extract<
  Fetch,
  { incomingRequestContext: unknown }
>["incomingRequestContext"];

export type Execute = (
  request: GatewayRequest,
) => Promise<ExecutionResult<Tree>>;

export type Variables = Readonly<Record<string, unknown>>;

/** One request on its way through the plan of its operation. */
export interface Run {
  readonly request: GatewayRequest;
  /** As the operation has them, with its defaults. */
  readonly variables: Variables;
  /** What the fetches have brought so far. */
  readonly tree: Tree;
  readonly errors: GraphQLError[];
  /** What a query has asked for; of a mutation nothing is remembered, for its next step may change it. */
  readonly entities: Entities | undefined;
}

/** Asks what a part of a plan asks for, and adds what is found. */
export type Step = (run: Run) => Promise<void>;
