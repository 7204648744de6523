import { wordPatternOf } from "./pattern.ts";
import type { Expression, Term } from "./syntax.ts";

/** Null if there are no words to lead to streams, or too many of them, and all streams have to be looked through. */
export type Driver = {
  /** Of which every stream that is found holds one, with how many streams hold them. */
  readonly words: ReadonlyMap<string, number>;
  /** Whether every stream that holds one of them is found. */
  readonly isExact: boolean;
} | null;

/** The driver of each of a search's terms. */
export type Drivers = (term: Term) => Driver;

/** The one that leads to the fewest streams; the condition decides which of them are found. */
export function driverOf(expression: Expression, drivers: Drivers): Driver {
  switch (expression.is) {
    case "term":
      return drivers(expression);
    case "not":
      return null;
    case "or":
      return expression.of.map((of) => driverOf(of, drivers)).reduce(eitherOf);
    case "and": {
      const [rarest] = expression.of
        .map((of) => driverOf(of, drivers))
        .filter((driver) => driver !== null)
        .sort((a, b) => streamsOf(a.words) - streamsOf(b.words));
      return rarest ? { ...rarest, isExact: false } : null;
    }
  }
}

/** To find what either finds. */
export const eitherOf = (a: Driver, b: Driver): Driver =>
  a &&
  b && {
    words: new Map([...a.words, ...b.words]),
    isExact: a.isExact && b.isExact,
  };

const streamsOf = (words: ReadonlyMap<string, number>): number =>
  [...words.values()].reduce((sum, count) => sum + count, 0);

/** The terms by which streams can be found. */
export function drivingTerms(expression: Expression): Term[] {
  switch (expression.is) {
    case "term":
      return expression.field !== "tenant" && wordPatternOf(expression) !== null
        ? [expression]
        : [];
    case "not":
      return [];
    case "or":
    case "and":
      return expression.of.flatMap(drivingTerms);
  }
}

/** Whether some of a search's terms lead to no more than others do, so that it matters how many streams hold their words. */
export function hasChoice(expression: Expression): boolean {
  switch (expression.is) {
    case "term":
    case "not":
      return false;
    case "and":
      return (
        expression.of.filter((of) => drivingTerms(of).length > 0).length > 1 ||
        expression.of.some(hasChoice)
      );
    case "or":
      return expression.of.some(hasChoice);
  }
}

/** How far the streams of a word are counted. */
export const maxCount = 10_000;
/** So many words have their streams read side by side, in order. */
export const maxSlots = 8;
/** The streams of all others are read at once and sorted. */
const maxSorted = 10_000;

export interface Slots {
  /** Always the same number, so that the statement's text is the same. */
  readonly words: readonly (string | null)[];
  readonly others: readonly string[];
  /** As the driver's. */
  readonly isExact: boolean;
}

/** How a driver's words are read; null if to look through all streams is likely to cost less. */
export function slotsOf(driver: Driver): Slots | null {
  if (driver === null) return null;
  const byCount = [...driver.words].sort(([, a], [, b]) => b - a);
  const others = byCount.slice(maxSlots);
  if (
    others.some(([, count]) => count >= maxCount) ||
    streamsOf(new Map(others)) > maxSorted
  )
    return null;
  return {
    words: Array.from(
      { length: maxSlots },
      (_, slot) => byCount[slot]?.[0] ?? null,
    ),
    others: others.map(([word]) => word),
    isExact: driver.isExact,
  };
}
