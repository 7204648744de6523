import { forgetOldest } from "./oldest.ts";

/** What a token says, and until when, in seconds since 1970. */
export interface Verified<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/**
 * Verifies tokens and remembers, by their bytes, those whose signature was good, until they expire: checking one anew
 * costs a tenth of a page. Only what the token itself says is remembered, never what its identity may do.
 */
export class VerifiedTokens<T> {
  /** In the order of their last use. */
  private readonly remembered = new Map<string, Verified<T>>();

  constructor(
    private readonly verify: (
      token: string,
    ) => Verified<T> | Promise<Verified<T>>,
    private readonly capacity = 10_000,
  ) {}

  /** `admit` may throw for a token that is yet to be verified. */
  async read(token: string, admit?: () => void): Promise<T> {
    const known = this.remembered.get(token);
    this.remembered.delete(token);
    const isGood = known && known.expiresAt > Date.now() / 1000;
    if (!isGood) admit?.();
    const verified = isGood ? known : await this.verify(token);
    this.remembered.set(token, verified);
    forgetOldest(this.remembered, this.capacity);
    return verified.value;
  }
}
