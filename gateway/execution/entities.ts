import type { FetchAnswer } from "../data-source.ts";
import type { Tree } from "./tree.ts";

/** An entity in an answer that has been asked for. */
export interface Asked {
  readonly answer: Promise<FetchAnswer>;
  readonly index: number;
}

/** By what is selected of them and by representation. */
export type Entities = Map<string, Map<string, Asked>>;

/**
 * Where each of these will be found. A page names the same few tenants at every stream and again at every membership:
 * each is asked for once, and those that an earlier fetch selected in the same way not again.
 */
export function askOnce(
  representations: readonly Tree[],
  known: Map<string, Asked>,
  ask: (representations: readonly Tree[]) => Promise<FetchAnswer>,
): Asked[] {
  const keys = representations.map((one) => JSON.stringify(one));
  const unknown = new Map<string, Tree>();
  for (const [i, representation] of representations.entries()) {
    const key = keys[i] as string;
    if (!known.has(key)) unknown.set(key, representation);
  }
  if (unknown.size > 0) {
    const answer = ask([...unknown.values()]);
    for (const [index, key] of [...unknown.keys()].entries())
      known.set(key, { answer, index });
  }
  return keys.flatMap((key) => known.get(key) ?? []);
}

/** Those of a request that were selected in one way. */
export function knownOf(
  entities: Entities | undefined,
  selection: string,
): Map<string, Asked> {
  const known = entities?.get(selection) ?? new Map<string, Asked>();
  entities?.set(selection, known);
  return known;
}
