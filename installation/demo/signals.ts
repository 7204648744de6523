/** How a signal behaves, in the unit of its stream. */
export interface Signal {
  /** Where it rests. */
  readonly level: number;
  /** How far the day carries it up and down. */
  readonly daily?: number;
  /** The standard deviation of its noise. */
  readonly noise?: number;
  /** How far it wanders from its level over a week or so. */
  readonly drift?: number;
  /** Two states that it alternates between, and the mean hours in each; level and the rest do not apply. */
  readonly states?: {
    readonly values: readonly [number, number];
    readonly hours: number;
  };
  /** Digits after the point. */
  readonly digits?: number;
}

const dayMs = 86_400_000;

/** The signal's values at these times. The same seed gives the same values, so that a demo can be talked about. */
export function valuesOf(
  signal: Signal,
  timesMs: readonly number[],
  seed: number,
): number[] {
  const random = generator(seed);
  return signal.states
    ? alternating(signal.states, timesMs, random)
    : wandering(signal, timesMs, random);
}

function wandering(
  { level, daily = 0, noise = 0, drift = 0, digits = 2 }: Signal,
  timesMs: readonly number[],
  random: () => number,
): number[] {
  const phase = random() * 2 * Math.PI;
  // A wander that forgets itself within a few days, so that the signal stays believable over any span.
  let wander = 0;
  return timesMs.map((time) => {
    wander = 0.995 * wander + 0.1 * gaussian(random);
    const value =
      level +
      daily * Math.sin((2 * Math.PI * time) / dayMs + phase) +
      drift * wander +
      noise * gaussian(random);
    return Number(value.toFixed(digits));
  });
}

function alternating(
  { values, hours }: NonNullable<Signal["states"]>,
  timesMs: readonly number[],
  random: () => number,
): number[] {
  let state = 0;
  let until = -Infinity;
  return timesMs.map((time) => {
    if (time >= until) {
      if (until !== -Infinity) state = 1 - state;
      until = time - Math.log(1 - random()) * hours * 3_600_000;
    }
    return values[state === 0 ? 0 : 1];
  });
}

/** Two uniform numbers make one of a bell curve (Box and Muller). */
const gaussian = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Uniform numbers in [0, 1) from a 32-bit linear congruential generator (Numerical Recipes). */
function generator(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
