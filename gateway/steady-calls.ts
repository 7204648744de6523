import { setTimeout as sleep } from "node:timers/promises";

/** So many failures one after another, and the other side is taken to be away. */
const failuresUntilAway = 10;
/** How long it is left alone, until one call tries again. */
const restMs = 1_000;
/** How long others wait for what becomes of that. */
const patienceMs = 250;

/** How long a repetition waits at most: the first, the second. Each takes a random part, so that many do not come at once. */
const waitsMs = [50, 200];
/** One repetition for so many calls at most, and so many in advance: a crowd of them would keep the other side down. */
const callsPerRepetition = 10;
const repetitionsInAdvance = 20;

/** The other side has not been asked: it has failed too often until a moment ago. */
export class Away extends Error {}

/**
 * Calls of something that may be away for a while. One that changes nothing is repeated where it failed at once; while
 * every call fails, all but one now and then are answered by `Away` without being made, so that who waits does not wait for it.
 */
export class SteadyCalls {
  private failures = 0;
  private triesAgainAt = 0;
  /** Settles when the call that tries again has ended, well or not. */
  private trying: Promise<unknown> | undefined;
  private repetitions = repetitionsInAdvance;

  constructor(
    /** Told when it goes away and when it is back. */
    private readonly onChange: (isAway: boolean) => void,
  ) {}

  /** `isRepeatable`: whether this failure of the call passes by itself, and the call may be made twice. */
  async make<T>(
    call: () => Promise<T>,
    isRepeatable: (error: unknown) => boolean,
  ): Promise<T> {
    this.repetitions = Math.min(
      repetitionsInAdvance,
      this.repetitions + 1 / callsPerRepetition,
    );
    for (const waitMs of waitsMs)
      try {
        return await this.once(call);
      } catch (error) {
        if (error instanceof Away || !isRepeatable(error)) throw error;
        if (this.repetitions < 1) throw error;
        this.repetitions -= 1;
        await sleep(Math.random() * waitMs);
      }
    return this.once(call);
  }

  private async once<T>(call: () => Promise<T>): Promise<T> {
    if (!this.isAway) return this.watched(call);
    if (this.trying) await Promise.race([this.trying, sleep(patienceMs)]);
    if (!this.isAway) return this.watched(call);
    if (this.trying || performance.now() < this.triesAgainAt) throw new Away();
    const answer = this.watched(call);
    this.trying = answer
      .catch(() => undefined)
      .finally(() => (this.trying = undefined));
    return answer;
  }

  private get isAway(): boolean {
    return this.failures >= failuresUntilAway;
  }

  private async watched<T>(call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call();
      if (this.isAway) this.onChange(false);
      this.failures = 0;
      return answer;
    } catch (error) {
      this.failures += 1;
      this.triesAgainAt = performance.now() + restMs;
      if (this.failures === failuresUntilAway) this.onChange(true);
      throw error;
    }
  }
}
