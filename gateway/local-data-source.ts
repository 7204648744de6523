import {
  execute,
  GraphQLError,
  OperationTypeNode,
  validate,
  ValuesOfCorrectTypeRule,
  type DocumentNode,
  type ExecutionResult,
} from "graphql";
import type { Logger } from "../common/log.ts";
import { mask } from "../common/masking.ts";
import type { CallContext } from "../common/permissions.ts";
import type { Subgraph } from "../common/schema.ts";
import {
  fromSubgraph,
  type DataSource,
  type Fetch,
  type FetchAnswer,
  type GatewayContext,
} from "./data-source.ts";

/**
 * A subgraph in this process: the planner's document is executed as it is, neither printed nor parsed nor sent, and
 * the viewer is handed on as a value. What a resolver returns reaches the client by reference.
 */
export class LocalDataSource implements DataSource {
  private readonly faults = new WeakMap<
    DocumentNode,
    readonly GraphQLError[]
  >();

  constructor(
    private readonly subgraph: Subgraph,
    private readonly log: Logger,
  ) {}

  async process({
    request,
    document,
    context,
    incomingRequestContext,
  }: Extract<
    Fetch,
    { incomingRequestContext: unknown }
  >): Promise<FetchAnswer> {
    if (!document) throw new Error("The planner must expose its documents.");
    const faults = this.faultsOf(document);
    const { data, errors }: ExecutionResult =
      faults.length > 0
        ? { data: null, errors: faults }
        : await execute({
            schema: this.subgraph.schema,
            document,
            variableValues: request.variables ?? {},
            contextValue:
              incomingRequestContext.operation?.operation ===
              OperationTypeNode.MUTATION
                ? this.subgraph.createContext({ ...context.call })
                : this.sharedContext(context),
          });
    if (!errors) return { data } as FetchAnswer;
    const { requestId } = context.call;
    return {
      data,
      errors: errors.map((error) =>
        mask(fromSubgraph(error.toJSON()), error, requestId, this.log),
      ),
    } as FetchAnswer;
  }

  /**
   * One for all fetches of a query, so that they share what was found; a mutation changes that between two, and even
   * its call is therefore another.
   */
  private sharedContext({
    call,
    subgraphContexts,
  }: GatewayContext): CallContext {
    const { name, createContext } = this.subgraph;
    let context = subgraphContexts.get(name);
    if (!context) subgraphContexts.set(name, (context = createContext(call)));
    return context;
  }

  /** Literals that a scalar of the subgraph refuses; the rest was validated before it was planned. */
  private faultsOf(document: DocumentNode): readonly GraphQLError[] {
    let faults = this.faults.get(document);
    if (!faults) {
      faults = validate(this.subgraph.schema, document, [
        ValuesOfCorrectTypeRule,
      ]).map(
        ({ message }) =>
          new GraphQLError(message, {
            extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
          }),
      );
      this.faults.set(document, faults);
    }
    return faults;
  }
}
