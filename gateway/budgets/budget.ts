import { forgetOldest } from "../../common/oldest.ts";
import type { Counted, Counter, Spent } from "./counter.ts";
import { requestPoints } from "./limits.ts";

export type BudgetName = "identity" | "tenant" | "address";

/** As many keys are remembered that have nothing left; whoever is forgotten is counted once more. */
const maxRemembered = 100_000;

/** So many points in a window, for each key by itself. */
export class Budget {
  /** Until when keys have nothing left, which until then are not even counted. */
  private readonly spent = new Map<string, { points: number; end: number }>();

  constructor(
    readonly name: BudgetName,
    readonly limit: number,
    readonly windowSeconds: number,
    private readonly counter: Counter,
  ) {}

  async add(key: string, points: number): Promise<Counted> {
    return this.noted(key, await this.counter.add(key, points));
  }

  /** Of what was spent by this key. */
  async giveBack(key: string, counted: Counted, points: number): Promise<void> {
    this.noted(key, await counted.giveBack(points));
  }

  /** What is known to be spent, where nothing is left. */
  allSpent(key: string): Spent | undefined {
    const known = this.spent.get(key);
    if (!known) return undefined;
    const msLeft = known.end - performance.now();
    if (msLeft > 0) return { points: known.points, msLeft };
    this.spent.delete(key);
    return undefined;
  }

  private noted(key: string, counted: Counted): Counted {
    this.spent.delete(key);
    if (counted.points + requestPoints > this.limit)
      this.remember(key, counted);
    return counted;
  }

  private remember(key: string, { points, msLeft }: Spent): void {
    this.spent.set(key, { points, end: performance.now() + msLeft });
    forgetOldest(this.spent, maxRemembered);
  }
}
