import type { EnvironmentReader } from "../../common/config.ts";

/** How many points of cost may be spent in a window. */
export interface BudgetLimits {
  readonly windowSeconds: number;
  readonly identity: number;
  readonly tenant: number;
  /** By requests that no tenant answers for. */
  readonly address: number;
}

/** A point is about 40 microseconds of a core (docs/decisions/cost.md). An identity has half of what its tenant has. */
export const usualBudgets: BudgetLimits = {
  windowSeconds: 60,
  identity: 300_000,
  tenant: 600_000,
  address: 200_000,
};

/** What a request costs before it has asked for anything: its headers, its token, its answer. */
export const requestPoints = 10;

/**
 * What a request counts in the pace that its payer keeps, whatever it asks for. It takes a quarter of that of a core; by
 * what it takes, a flood of cheap ones made a page of another tenant five times as slow.
 */
export const pacedPoints = 100;

/** What comes or goes as a file, whose length nobody knows before. */
export const filePoints = 100;

/** The stores count in integers of four bytes. */
const mostPoints = 1_000_000_000;

/** None may be less than what one request may cost, which would then never be served. */
export function readBudgetLimits(
  reader: EnvironmentReader,
  maxCost: number,
): BudgetLimits {
  const least = Math.min(
    Math.max(maxCost, filePoints) + requestPoints,
    mostPoints,
  );
  const points = (name: string, usual: number) =>
    reader.integer(name, Math.max(usual, least), {
      min: least,
      max: mostPoints,
    });
  return {
    windowSeconds: reader.integer(
      "BUDGET_SECONDS",
      usualBudgets.windowSeconds,
      { min: 1, max: 3_600 },
    ),
    identity: points("BUDGET_OF_IDENTITY", usualBudgets.identity),
    tenant: points("BUDGET_OF_TENANT", usualBudgets.tenant),
    address: points("BUDGET_OF_ADDRESS", usualBudgets.address),
  };
}
