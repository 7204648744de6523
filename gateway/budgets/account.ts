import type { ServerResponse } from "node:http";
import { rateLimited } from "../../common/errors.ts";
import { whenClosed } from "../../common/http-server.ts";
import type { Viewer } from "../../common/viewer.ts";
import type { Budget } from "./budget.ts";
import type { Counted, Spent } from "./counter.ts";
import { requestPoints } from "./limits.ts";
import type { Pace } from "./pace.ts";

/** What a request is charged to: one key of a budget. */
export interface Purse {
  readonly budget: Budget;
  readonly key: string;
  /** What is charged instead once the caller is found to be gone. */
  readonly instead?: Purse;
}

/** Whether the caller was found to be gone, by any of its requests. */
export interface Gone {
  is(): boolean;
  tell(): void;
}

interface Charge extends Purse {
  readonly counted: Counted;
  readonly points: number;
}

/** What one request costs its caller, which its answer tells. */
export class Account {
  private isCharged = false;
  private charges: Charge[] = [];

  constructor(
    readonly viewer: Viewer,
    private readonly response: ServerResponse,
    /** The narrowest first: what it refuses is not charged to the others. */
    private readonly purses: readonly Purse[],
    private readonly pace: Pace,
    private readonly gone: Gone,
  ) {}

  /** Until who answers for the caller by now may spend so many points: its tenant, or its address where it is gone from it. */
  rest(points: number): Promise<void> {
    const { key = "", instead } = this.purses.at(-1) ?? {};
    return this.pace.rest(
      instead && this.gone.is() ? instead.key : key,
      points,
    );
  }

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
    const points = requestPoints + cost;
    for (const purse of this.purses) {
      const { budget, key } = purse;
      const counted = await budget.add(key, points);
      charges.push({ ...purse, counted, points });
      if (counted.points > budget.limit) {
        if (cost > 0)
          for (const { budget, key, counted } of charges)
            await budget.giveBack(key, counted, cost);
        const { points, msLeft } = counted;
        throw this.refused(budget, { points: points - cost, msLeft }, cost);
      }
    }
    this.charges = charges;
    this.tell(charges.map(({ budget, counted }) => [budget, counted]));
  }

  /** That the caller was found to be gone: the tenant that has removed it does not answer for it. */
  async disown(): Promise<void> {
    this.gone.tell();
    for (const charge of this.charges.splice(0)) {
      const { budget, key, instead, counted, points } = charge;
      if (!instead) continue;
      await instead.budget.add(instead.key, points);
      await budget.giveBack(key, counted, points);
    }
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
