import type { ServerResponse } from "node:http";
import { rateLimited } from "../../common/errors.ts";
import { whenClosed } from "../../common/http-server.ts";
import type { Viewer } from "../../common/viewer.ts";
import type { Budget } from "./budget.ts";
import type { Counted, Spent } from "./counter.ts";
import { requestPoints } from "./limits.ts";

/** What a request is charged to: one key of a budget. */
export interface Purse {
  readonly budget: Budget;
  readonly key: string;
}

interface Charge extends Purse {
  readonly counted: Counted;
}

/** What one request costs its caller, which its answer tells. */
export class Account {
  private isCharged = false;

  constructor(
    readonly viewer: Viewer,
    private readonly response: ServerResponse,
    /** The narrowest first: what it refuses is not charged to the others. */
    private readonly purses: readonly Purse[],
  ) {}

  /** Throws where it is known, without asking anybody, that there is not enough for a request. */
  assertSomethingLeft(): void {
    for (const { budget, key } of this.purses) {
      const spent = budget.allSpent(key);
      if (spent) throw this.refused(budget, spent, requestPoints);
    }
  }

  /** Throws for more than is left. Then only that it was asked is charged. */
  async charge(cost: number): Promise<void> {
    this.isCharged = true;
    this.assertSomethingLeft();
    const charges: Charge[] = [];
    for (const { budget, key } of this.purses) {
      const counted = await budget.add(key, requestPoints + cost);
      charges.push({ budget, key, counted });
      if (counted.points > budget.limit) {
        if (cost > 0)
          for (const { budget, key, counted } of charges)
            await budget.giveBack(key, counted, cost);
        const { points, msLeft } = counted;
        throw this.refused(budget, { points: points - cost, msLeft }, cost);
      }
    }
    this.tell(charges.map(({ budget, counted }) => [budget, counted]));
  }

  /** Charges what was refused before it was known what it costs, when it is answered. */
  chargeAtEnd(): void {
    whenClosed(this.response, () => {
      // Nobody is left to be told.
      if (!this.isCharged) this.charge(0).catch(() => undefined);
    });
  }

  private refused(budget: Budget, spent: Spent, more: number) {
    this.tell([[budget, spent]]);
    const { name, limit, windowSeconds } = budget;
    const seconds = secondsOf(spent);
    return rateLimited(
      `At most ${limit} points of cost in ${windowSeconds} seconds for one ${name}; with this request it is ${spent.points + more}. Send it again in ${seconds} seconds, or ask for less: the header tributary-cost tells what an operation costs.`,
      { limit, value: spent.points + more, retryAfterSeconds: seconds },
    );
  }

  /** As draft-ietf-httpapi-ratelimit-headers has it. */
  private tell(charged: readonly (readonly [Budget, Spent])[]): void {
    if (this.response.headersSent) return;
    const list = (item: (budget: Budget, spent: Spent) => string) =>
      charged.map(([budget, spent]) => item(budget, spent)).join(", ");
    this.response.setHeader(
      policyHeader,
      list(
        ({ name, limit, windowSeconds }) =>
          `"${name}";q=${limit};qu="points";w=${windowSeconds}`,
      ),
    );
    this.response.setHeader(
      leftHeader,
      list(
        ({ name, limit }, spent) =>
          `"${name}";r=${Math.max(0, limit - spent.points)};t=${secondsOf(spent)}`,
      ),
    );
  }
}

/** What the budgets of a caller are, and what is left of them. */
const policyHeader = "ratelimit-policy";
const leftHeader = "ratelimit";
export const budgetHeaders = [policyHeader, leftHeader, "retry-after"];

/** Rounded up: who comes back then is not too early. */
const secondsOf = ({ msLeft }: Spent) => Math.max(1, Math.ceil(msLeft / 1000));
