import { randomUUID } from "node:crypto";
import { execute, parse, type ExecutionResult } from "graphql";
import { stringifyResult } from "../../common/packed.ts";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";

export interface Answer {
  // Tests look into answers of any shape; a wrong path fails the expectation.
  readonly data: Record<string, never> | null;
  readonly errors: readonly {
    message: string;
    path?: readonly (string | number)[];
    extensions: { code?: string; at?: string; requestId?: string };
  }[];
}

/** A viewer who is this identity, and has signed in at the built-in issuer. */
export const as = (identity: { uuid: string }): Viewer => ({
  ...anonymous,
  identityId: identity.uuid,
  isEmailProven: true,
});

/** Executes an operation at one subgraph as somebody, as JSON would bring the answer to a client. */
export async function run(
  subgraph: Subgraph,
  viewer: Viewer,
  source: string,
  variableValues: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  const result = (await execute({
    schema: subgraph.schema,
    document: parse(source),
    variableValues,
    contextValue: subgraph.createContext({ viewer, requestId: randomUUID() }),
  })) as ExecutionResult;
  return {
    data: null,
    errors: [],
    ...(JSON.parse(stringifyResult(result as never)) as Partial<Answer>),
  };
}

/** `ok`, or the code of the first error. */
export const outcome = ({ errors }: Answer): string =>
  errors.length === 0
    ? "ok"
    : (errors[0]?.extensions?.code ?? `uncoded: ${errors[0]?.message}`);
