import { randomUUID } from "node:crypto";
import { execute, parse } from "graphql";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous } from "../../common/viewer.ts";

type Operation = Readonly<Record<string, unknown>>;

/** An identity of the demo world: what it does goes through the graph's own mutations, rules and ledger. */
export class Actor {
  constructor(
    private readonly subgraphs: readonly Subgraph[],
    private readonly identityId: string,
  ) {}

  /** Does one mutation at the subgraph that has it; `answer` says what to bring back of it. */
  async does<T>(
    mutation: string,
    args: Operation,
    answer: string,
    types: string,
  ): Promise<T> {
    const subgraph = this.subgraphs.find(
      ({ schema }) => schema.getMutationType()?.getFields()[mutation],
    );
    if (!subgraph) throw new Error(`No subgraph has the mutation ${mutation}.`);
    const names = Object.keys(args).map((name) => `${name}: $${name}`);
    const result = await execute({
      schema: subgraph.schema,
      document: parse(
        `mutation (${types}) { ${mutation}(${names.join(", ")}) ${answer} }`,
      ),
      variableValues: args,
      contextValue: subgraph.createContext({
        viewer: {
          ...anonymous,
          identityId: this.identityId,
          isEmailProven: true,
        },
        requestId: `demo-${randomUUID()}`,
      }),
    });
    const [error] = result.errors ?? [];
    if (error)
      throw new Error(`The demo world's ${mutation} failed: ${error.message}`, {
        cause: error,
      });
    return result.data?.[mutation] as T;
  }

  /** Most mutations take one input, of the type that is named like them. */
  input<T>(mutation: string, input: Operation, answer: string): Promise<T> {
    const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
    return this.does<T>(mutation, { input }, answer, `$input: ${type}!`);
  }
}
