import { rateLimited } from "../../common/errors.ts";
import type { BudgetLimits } from "./limits.ts";

/** What may be run ahead of the pace, so that who opens a page does not wait for the parts of it. */
const aheadMs = 1_000;

/** So many requests of one payer rest at a time. */
const maxResting = 500;

/** Whoever pays for requests: a tenant, or an address. */
interface Payer {
  /** When what it has begun would be spent at its pace. */
  readonly spentAt: number;
  readonly resting: number;
}

/**
 * Where several tenants ask, the requests of each begin no faster than its budget lasts: who spends at once what is
 * to do for a window would take the time of all others meanwhile. Who asks alone is not held up.
 */
export class Pace {
  private readonly msPerPoint: number;
  private readonly windowMs: number;
  /** Those told last come last. */
  private readonly payers = new Map<string, Payer>();
  /** Who asked last, and who did before of all others. */
  private last: Asked = { payer: "", at: -Infinity };
  private before: Asked = this.last;
  /** How to wake those who rest. */
  private readonly wakes = new Set<() => void>();
  private isOver = false;

  constructor({
    tenant,
    windowSeconds,
  }: Pick<BudgetLimits, "tenant" | "windowSeconds">) {
    this.windowMs = windowSeconds * 1_000;
    this.msPerPoint = this.windowMs / tenant;
  }

  /** Until so many points may be spent. */
  async rest(payer: string, points: number): Promise<void> {
    const now = performance.now();
    if (this.isAlone(payer, now)) return;
    this.forgetSpent(now);
    const { spentAt, resting } = this.payers.get(payer) ?? unknown;
    const begun = Math.max(spentAt, now - aheadMs);
    const isToRest = begun > now && !this.isOver;
    if (isToRest && resting >= maxResting) throw tooMany(begun - now);
    this.set(payer, {
      spentAt: begun + points * this.msPerPoint,
      resting: resting + (isToRest ? 1 : 0),
    });
    if (isToRest) await this.sleep(payer, begun - now);
  }

  /** Nobody rests any more: what has been asked is to be answered before the process ends. */
  end(): void {
    this.isOver = true;
    for (const wake of this.wakes) wake();
  }

  private async sleep(payer: string, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.wakes.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.wakes.add(wake);
    });
    const { spentAt, resting } = this.payers.get(payer) ?? unknown;
    this.set(payer, { spentAt, resting: Math.max(0, resting - 1) });
  }

  private set(payer: string, one: Payer): void {
    this.payers.delete(payer);
    this.payers.set(payer, one);
  }

  private isAlone(payer: string, now: number): boolean {
    if (this.last.payer !== payer) this.before = this.last;
    this.last = { payer, at: now };
    return this.before.at < now - this.windowMs;
  }

  private forgetSpent(now: number): void {
    for (const [payer, { spentAt }] of this.payers) {
      if (spentAt > now - aheadMs) return;
      this.payers.delete(payer);
    }
  }
}

const unknown: Payer = { spentAt: 0, resting: 0 };

function tooMany(msLeft: number) {
  const seconds = Math.max(1, Math.ceil(msLeft / 1_000));
  return rateLimited(
    `At most ${maxResting} requests of one tenant wait until its budget lasts for them. Send it again in ${seconds} seconds, or ask more evenly.`,
    {
      limit: maxResting,
      value: maxResting + 1,
      retryAfterSeconds: seconds,
    },
  );
}

interface Asked {
  readonly payer: string;
  readonly at: number;
}
