import {
  RateLimiterMemory,
  type RateLimiterAbstract,
} from "rate-limiter-flexible";
import { networksAround } from "../../common/address.ts";
import type { Logger } from "../../common/log.ts";
import { SteadyCalls } from "../steady-calls.ts";

/** What was spent since the window began, and how long it lasts yet. */
export interface Spent {
  readonly points: number;
  readonly msLeft: number;
}

export interface Counted extends Spent {
  /** To whoever counted them, and in the same window alone: in the next one they would be credit. */
  giveBack(points: number): Promise<Counted>;
}

/** Adds up points by key, in a window that begins with the key's first. */
export interface Counter {
  add(key: string, points: number): Promise<Counted>;
}

/** So long before a window ends nothing is given back any more, which might come too late. */
const lateMs = 500;

export function counterOf(limiter: RateLimiterAbstract): Counter {
  async function add(key: string, points: number): Promise<Counted> {
    // From before the store was asked: the window ends then at the earliest.
    const begun = performance.now();
    const { consumedPoints, msBeforeNext } = await limiter.penalty(key, points);
    const counted: Counted = {
      points: consumedPoints,
      msLeft: msBeforeNext,
      giveBack: async (points) =>
        begun + msBeforeNext - performance.now() > lateMs
          ? add(key, -points)
          : counted,
    };
    return counted;
  }
  return { add };
}

/** Counts in this process alone, what it knows of a key until its window has passed. */
export const memoryCounter = (windowSeconds: number): Counter =>
  counterOf(new RateLimiterMemory({ points: 0, duration: windowSeconds }));

/** So many networks of each width are counted apart in a window. */
const maxNetworks = 50_000;
const otherNetworks = "others";

/**
 * Keeps the networks of a counter to a number, since anybody can have many. Those beyond it are counted with what lies
 * around them, so that whoever has many takes from its neighbours and not from everybody.
 */
export function bounded(
  counter: Counter,
  windowSeconds: number,
  maxOfWidth = maxNetworks,
): Counter {
  let known: Set<string>[] = [];
  let until = 0;
  const isApart = (network: string, width: number) => {
    const apart = (known[width] ??= new Set());
    if (apart.size < maxOfWidth) apart.add(network);
    return apart.has(network);
  };
  return {
    add(network, points) {
      const now = performance.now();
      if (now > until) {
        known = [];
        until = now + windowSeconds * 1000;
      }
      const counted = [network, ...networksAround(network)].find(isApart);
      return counter.add(counted ?? otherNetworks, points);
    },
  };
}

/** So long a request waits to be counted. */
const patienceMs = 250;

/** Counts with others in a store; while that is away, or slow, each process for itself. */
export function insured(shared: Counter, own: Counter, log: Logger): Counter {
  const calls = new SteadyCalls((isAway) =>
    log.warn(
      isAway
        ? "the store of budgets is away: this process counts alone"
        : "the store of budgets is back",
    ),
  );
  const make = (call: () => Promise<Counted>) =>
    calls.make(
      () => soon(call()),
      () => false,
    );
  const insuredOf = (counted: Counted): Counted => ({
    ...counted,
    giveBack: (points) =>
      make(() => counted.giveBack(points)).then(insuredOf, () => counted),
  });
  return {
    add: (key, points) =>
      make(() => shared.add(key, points)).then(insuredOf, () =>
        own.add(key, points),
      ),
  };
}

async function soon<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error("The store of budgets is slow.")),
      patienceMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
