import fc from "fast-check";
import { perform, performTogether, type Tally } from "./history.ts";
import { step } from "./operations.ts";
import type { Product } from "./product.ts";
import { begin } from "./world.ts";

const most = { size: "max" } as const;
const history = fc.array(step, { minLength: 1, maxLength: 80, ...most });
const rounds = fc.array(
  fc.array(step, { minLength: 2, maxLength: 6, ...most }),
  {
    minLength: 1,
    maxLength: 12,
    ...most,
  },
);

export interface Extent {
  readonly steps: number;
  /** Of the random numbers; the same one, the same histories. */
  readonly seed?: number;
  readonly onHistory?: (tally: Tally) => void;
  /** Ends it before the next history. */
  readonly signal?: AbortSignal;
}

/** Random histories, until so many steps were taken; throws the smallest one in which product and model part. */
export const proveOneByOne = (product: Product, extent: Extent) =>
  prove(history, extent, async (steps, tally) =>
    perform(product, await begin(product.database), steps, tally),
  );

/** Rounds of at most six steps at a time, each of which some order must explain. */
export const proveTogether = (product: Product, extent: Extent) =>
  prove(rounds, extent, async (rounds, tally) =>
    performTogether(product, await begin(product.database), rounds, tally),
  );

async function prove<T>(
  histories: fc.Arbitrary<T>,
  { steps, seed = randomSeed(), onHistory, signal }: Extent,
  performOne: (history: T, tally: Tally) => Promise<void>,
): Promise<Tally> {
  const tally: Tally = new Map();
  const property = fc.asyncProperty(histories, async (history) => {
    if (signal?.aborted) return;
    await performOne(history, tally);
    onHistory?.(tally);
  });
  // Each by a seed of its own: nothing adds up, and what failed is met again at once.
  for (let at = seed; stepsOf(tally) < steps && !signal?.aborted; at += 1)
    await fc.assert(property, { seed: at, numRuns: 1 });
  return tally;
}

export const randomSeed = (): number => Math.floor(Math.random() * 2 ** 31);

export const stepsOf = (tally: Tally): number =>
  [...tally.values()].reduce((sum, count) => sum + count, 0);

/** A line an outcome of each mutation. */
export const tableOf = (tally: Tally): string =>
  [...tally]
    .sort()
    .map(([outcome, count]) => `${String(count).padStart(8)}  ${outcome}`)
    .join("\n");
