import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../common/config.ts";
import { readSafelist } from "./safelist.ts";

/** Which operations are served, if not all, and which are planned at start. */
export function readOperations({
  operationsFile,
  knownOperations,
}: {
  readonly operationsFile: string | undefined;
  readonly knownOperations: string;
}) {
  if (operationsFile === undefined)
    return { knownDocuments: readKnownDocuments(knownOperations) };
  const safelist = readSafelist(operationsFile);
  return { safelist, knownDocuments: [...safelist.values()] };
}

/** The documents in a directory whose operations front ends are known to send. */
export function readKnownDocuments(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".graphql"))
      .map((name) => readFileSync(join(directory, name), "utf8"));
  } catch (error) {
    throw new StartError(
      `Cannot read the known operations in ${directory}: ${(error as Error).message}. Set KNOWN_OPERATIONS to a directory with .graphql files.`,
      { cause: error },
    );
  }
}
