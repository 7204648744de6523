import { networkOf } from "../common/address.ts";
import { rateLimited } from "../common/errors.ts";
import type { AttemptStore } from "./attempt-store.ts";

interface Limit {
  readonly windowSeconds: number;
  readonly perEmail: number;
  readonly perAddress: number;
}

const limits = {
  password: { windowSeconds: 15 * 60, perEmail: 10, perAddress: 100 },
  link: { windowSeconds: 60 * 60, perEmail: 5, perAddress: 50 },
} satisfies Record<string, Limit>;

export type Action = keyof typeof limits;

/** Whoever tries too often is refused for a while, the same for an e-mail that is known and one that is not. */
export class Throttle {
  constructor(private readonly attempts: AttemptStore) {}

  /** Counts a try, and throws `RATE_LIMITED` if it is one too many. */
  async admit(action: Action, email: string, address: string): Promise<void> {
    const { windowSeconds, perEmail, perAddress } = limits[action];
    const tries = [
      { subject: emailSubject(action, email), most: perEmail },
      { subject: `${action} address ${networkOf(address)}`, most: perAddress },
    ];
    for (const { subject, most } of tries) {
      const { count, secondsLeft } = await this.attempts.add(
        subject,
        windowSeconds,
      );
      if (count > most)
        throw rateLimited(
          `Too many attempts. Try again in ${Math.ceil(secondsLeft / 60)} minutes.`,
        );
    }
  }

  /** Somebody who knew the password has not been guessing. */
  async forgive(action: Action, email: string): Promise<void> {
    await this.attempts.forget(emailSubject(action, email));
  }
}

const emailSubject = (action: Action, email: string) =>
  `${action} email ${email}`;
