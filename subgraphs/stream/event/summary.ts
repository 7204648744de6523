import { badInput } from "../../../common/errors.ts";
import type { SummaryKind, ValueKind } from "./asked.ts";
import { isNumeric, type ReadSlot } from "./shape.ts";

/** One column: what is computed of which property. */
export interface Summarized {
  readonly slot: ReadSlot;
  readonly kind: SummaryKind;
}

/** The others are for numbers. */
const ofAnyKind: readonly SummaryKind[] = [
  "COUNT",
  "FIRST",
  "LAST",
  "PERCENT_GOOD",
];

const usual: readonly SummaryKind[] = ["COUNT", "MINIMUM", "MAXIMUM", "MEAN"];

/** What is computed of a property: all that is asked for, or by default what of the usual it has. */
export function summariesOf(
  slot: ReadSlot,
  kinds: readonly SummaryKind[] | null | undefined,
): Summarized[] {
  const has = (kind: SummaryKind) =>
    isNumeric(slot.kind) || ofAnyKind.includes(kind);
  const missing = kinds?.find((kind) => !has(kind));
  if (missing !== undefined)
    throw badInput(
      `Property "${slot.name}" is of kind ${slot.kind}, which has no ${missing}. It has ${ofAnyKind.join(", ")}.`,
      "kinds",
    );
  return [...new Set(kinds ?? usual.filter(has))].map((kind) => ({
    slot,
    kind,
  }));
}

/** In one order, however they are asked for: each order would be another statement. */
export const inOneOrder = (summaries: readonly Summarized[]): Summarized[] =>
  [...summaries].sort((a, b) => a.kind.localeCompare(b.kind));

/** Of the usual kinds there are few selections, of all of them thousands. */
export const areUsual = (summaries: readonly Summarized[]): boolean =>
  summaries.every(({ kind }) => usual.includes(kind));

export const summaryColumn = ({ slot, kind }: Summarized) => ({
  name: `${slot.name} ${kind}`,
  property: slot.name,
  summary: kind,
  kind: kindOf(kind, slot.kind),
  uom: kind === "COUNT" || kind === "PERCENT_GOOD" ? null : slot.uom,
});

function kindOf(summary: SummaryKind, kind: ValueKind): ValueKind {
  switch (summary) {
    case "COUNT":
      return "INTEGER";
    case "FIRST":
    case "LAST":
    case "MINIMUM":
    case "MAXIMUM":
    case "RANGE":
    case "TOTAL":
      return kind;
    case "MEAN":
    case "STANDARD_DEVIATION":
    case "POPULATION_STANDARD_DEVIATION":
    case "TIME_WEIGHTED_MEAN":
    case "PERCENT_GOOD":
      return "FLOAT";
  }
}
