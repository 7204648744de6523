import { setTimeout as sleep } from "node:timers/promises";
import type { BudgetLimits } from "./budgets/limits.ts";

/** What a tenant may run ahead of its pace, so that who opens a page does not wait for the parts of it. */
const aheadMs = 1_000;

/**
 * Where several tenants ask, the operations of each begin no faster than its budget lasts: who spends at once what is
 * to do for a window would take the time of all others meanwhile. Who asks alone is not held up.
 */
export class Pace {
  private readonly msPerPoint: number;
  private readonly windowMs: number;
  /** By tenant, when what it has begun would be spent at its pace; those told last come last. */
  private readonly spentAt = new Map<string, number>();
  /** Who asked last, and who did before of all others. */
  private last: Asked = { tenant: "", at: -Infinity };
  private before: Asked = this.last;
  private readonly over = new AbortController();

  constructor({
    tenant,
    windowSeconds,
  }: Pick<BudgetLimits, "tenant" | "windowSeconds">) {
    this.windowMs = windowSeconds * 1_000;
    this.msPerPoint = this.windowMs / tenant;
  }

  /** Until an operation of so many points may begin. */
  async rest(tenant: string, points: number): Promise<void> {
    const now = performance.now();
    if (this.isAlone(tenant, now)) return;
    this.forgetSpent(now);
    const begun = Math.max(this.spentAt.get(tenant) ?? 0, now - aheadMs);
    this.spentAt.delete(tenant);
    this.spentAt.set(tenant, begun + points * this.msPerPoint);
    const { signal } = this.over;
    if (begun > now && !signal.aborted)
      await sleep(begun - now, undefined, { signal }).catch(() => undefined);
  }

  /** Nobody rests any more: what has been asked is to be answered before the process ends. */
  end(): void {
    this.over.abort();
  }

  private isAlone(tenant: string, now: number): boolean {
    if (this.last.tenant !== tenant) this.before = this.last;
    this.last = { tenant, at: now };
    return this.before.at < now - this.windowMs;
  }

  private forgetSpent(now: number): void {
    for (const [tenant, at] of this.spentAt) {
      if (at > now - aheadMs) return;
      this.spentAt.delete(tenant);
    }
  }
}

interface Asked {
  readonly tenant: string;
  readonly at: number;
}
