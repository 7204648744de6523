import { readFileSync } from "node:fs";
import { StartError } from "../common/config.ts";
import { hashOf, type Safelist } from "./persisted-operations.ts";

/** One operation of a list, with the fragments that it uses. */
export interface ListedOperation {
  /** SHA-256 of the body, as hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly type: "query" | "mutation" | "subscription";
  /** As graphql prints it. */
  readonly body: string;
}

/** As clients of Apollo write and read it, too. */
export const manifestOf = (operations: readonly ListedOperation[]) => ({
  format: "apollo-persisted-query-manifest",
  version: 1,
  operations,
});

/** The operations of a file that `npm run operations` wrote. */
export function readSafelist(path: string): Safelist {
  const bad = (reason: string) =>
    new StartError(
      `Cannot take the operations in ${path}: ${reason}. Write it by "npm run operations", or leave OPERATIONS_FILE out to serve all.`,
    );
  let manifest: Partial<ReturnType<typeof manifestOf>>;
  try {
    manifest = JSON.parse(readFileSync(path, "utf8")) as typeof manifest;
  } catch (error) {
    throw bad((error as Error).message);
  }
  const { format, operations } = manifest;
  if (format !== manifestOf([]).format || !Array.isArray(operations))
    throw bad("it is no list of operations");
  for (const { id, name, body } of operations)
    if (hashOf(String(body)) !== id)
      throw bad(`the id of ${name} is not the hash of its body`);
  return new Map(operations.map(({ id, body }) => [id, body]));
}
