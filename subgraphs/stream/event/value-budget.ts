import { limitExceeded } from "../../../common/errors.ts";
import type { ReadLimits } from "./limits.ts";

/** A table of full length may be so wide, and a request may have so many of one column. */
const valuesOfRow = 20;

/** In all tables of a request. */
export const mostValues = ({ rows }: ReadLimits): number => valuesOfRow * rows;

/**
 * How many values all tables of one request may have, or have computed, together: the answer is put together in memory,
 * and a request can name many tables. Whoever is beyond it is given none of what is asked afterwards.
 */
export class ValueBudget {
  private taken = 0;

  count(values: number): void {
    this.taken += values;
  }

  take(values: number, limits: ReadLimits): void {
    this.count(values);
    const refusal = this.refusal(limits);
    if (refusal) throw refusal;
  }

  /** Null while nothing is exceeded. */
  refusal(limits: ReadLimits): Error | null {
    const most = mostValues(limits);
    return this.taken > most
      ? limitExceeded(
          "values in all tables of a request",
          most,
          this.taken,
          "Ask for fewer rows or columns, or in several requests.",
        )
      : null;
  }
}
