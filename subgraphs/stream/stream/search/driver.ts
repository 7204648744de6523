import { wordPatternOf } from "./pattern.ts";
import type { Expression, Term } from "./syntax.ts";

/** Null if there are no words to lead to streams, or too many of them, and all streams have to be looked through. */
export type Driver = {
  /** Of which every stream that is found holds one. */
  readonly words: ReadonlyMap<string, Frequency>;
  /** Of each of these lists every stream that is found holds a word, too. */
  readonly also: readonly (readonly string[])[];
  /** Whether every stream that holds such words is found. */
  readonly isExact: boolean;
} | null;

/** How many streams hold a word, as far as they are counted, and, if that ended it, the name of the last one counted. */
export interface Frequency {
  readonly count: number;
  readonly reach: string | null;
}

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
    case "and":
      return rarestOf(expression.of.map((of) => driverOf(of, drivers)));
  }
}

/** To find what all find. */
function rarestOf(all: readonly Driver[]): Driver {
  const known = all.filter((driver) => driver !== null);
  const [rarest, ...others] = known.sort(
    (a, b) =>
      streamsOf(a.words) - streamsOf(b.words) ||
      (reachOf(a.words) < reachOf(b.words) ? 1 : -1),
  );
  if (!rarest) return null;
  const isExact =
    known.length === all.length &&
    known.every((driver) => driver.isExact) &&
    others.every(({ words }) => words.size <= maxSlots);
  return {
    words: rarest.words,
    also: isExact
      ? known.flatMap((driver) =>
          driver === rarest
            ? driver.also
            : [...driver.also, [...driver.words.keys()]],
        )
      : [],
    isExact,
  };
}

/** To find what either finds. */
export const eitherOf = (a: Driver, b: Driver): Driver =>
  a &&
  b && {
    words: new Map([...a.words, ...b.words]),
    also: [],
    isExact:
      a.isExact && b.isExact && a.also.length === 0 && b.also.length === 0,
  };

type Words = ReadonlyMap<string, Frequency>;

const streamsOf = (words: Words): number =>
  [...words.values()].reduce((sum, { count }) => sum + count, 0);

/** As many streams reach further among the names the fewer there are. */
const reachOf = (words: Words): string =>
  [...words.values()].map(({ reach }) => reach ?? "").sort()[0] ?? "";

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

/** How far the streams of a word are counted to choose between terms. */
export const maxCompared = 500;
/** How far if they are to be sorted. */
export const maxCount = 10_000;
/** So many words have their streams read side by side, in order. */
export const maxSlots = 8;
/** The streams of all others are read at once and sorted. */
const maxSorted = 10_000;

/** A driver as it is read. */
export interface Slots {
  /** One, or always the same number, so that few texts of the statement are there to prepare. */
  readonly words: readonly (string | null)[];
  readonly others: readonly string[];
  readonly also: readonly (readonly string[])[];
  readonly isExact: boolean;
}

/** How a driver's words are read; null if to look through all streams is likely to cost less. */
export function slotsOf(driver: Driver): Slots | null {
  if (driver === null) return null;
  const byCount = [...driver.words].sort(([, a], [, b]) => b.count - a.count);
  const others = byCount.slice(maxSlots);
  if (
    others.some(([, { count }]) => count >= maxCount) ||
    streamsOf(new Map(others)) > maxSorted
  )
    return null;
  return {
    words: Array.from(
      { length: byCount.length > 1 ? maxSlots : 1 },
      (_, slot) => byCount[slot]?.[0] ?? null,
    ),
    others: others.map(([word]) => word),
    also: driver.also,
    isExact: driver.isExact,
  };
}
