import type { EnvironmentReader } from "../common/config.ts";
import { DomainError } from "../common/errors.ts";
import type { BodyRoom } from "../common/graphql-server.ts";
import type { Viewer } from "../common/viewer.ts";
import { anonymousBodyBytes } from "./limits.ts";

/** What the bodies of requests may have at a time, from their first byte until they are answered. */
export interface BodyLimits {
  readonly bytesOfIdentity: number;
  readonly bytesInAll: number;
}

/** Two of the longest of an identity, and four. What a body says takes as much again, and at worst, of empty objects, 23 times. */
export const usualBodyLimits: BodyLimits = {
  bytesOfIdentity: 34 * 2 ** 20,
  bytesInAll: 68 * 2 ** 20,
};

/** Neither may be less than one body may have, which would then never be taken. */
export const readBodyLimits = (
  reader: EnvironmentReader,
  bodyBytes: number,
): BodyLimits => {
  const bytes = (name: string, usual: number) =>
    reader.integer(name, Math.max(usual, bodyBytes), {
      min: bodyBytes,
      max: 2 ** 40,
    });
  return {
    bytesOfIdentity: bytes(
      "REQUEST_BYTES_OF_IDENTITY",
      usualBodyLimits.bytesOfIdentity,
    ),
    bytesInAll: bytes("REQUEST_BYTES_IN_ALL", usualBodyLimits.bytesInAll),
  };
};

/** Bodies no longer than this are taken whatever else is under way: who asks must not wait for those who send. */
const smallBytes = anonymousBodyBytes;

/** Room for the bodies of all requests that a process serves. */
export class BodyBudget {
  private inAll = 0;
  private readonly ofIdentity = new Map<string, number>();

  constructor(private readonly limits: BodyLimits) {}

  roomFor({ identityId, person }: Viewer): BodyRoom {
    const whose = identityId ?? person?.id ?? "";
    let kept = 0;
    const keep = (bytes: number) => {
      this.add(whose, bytes - kept);
      kept = bytes;
    };
    return {
      assertFits: (bytes) => {
        if (bytes > smallBytes) this.assertFits(whose, bytes - kept);
      },
      take: (bytes) => {
        if (bytes <= smallBytes) return;
        this.assertFits(whose, bytes - kept);
        keep(bytes);
      },
      release: () => keep(0),
    };
  }

  private assertFits(whose: string, bytes: number): void {
    const { bytesOfIdentity, bytesInAll } = this.limits;
    const own = (this.ofIdentity.get(whose) ?? 0) + bytes;
    if (own > bytesOfIdentity)
      throw tooMuchAtOnce(
        "bytes in requests of one identity",
        bytesOfIdentity,
        own,
        "Send this one again when another is answered, or less in each.",
      );
    const all = this.inAll + bytes;
    if (all > bytesInAll)
      throw tooMuchAtOnce(
        "bytes in requests",
        bytesInAll,
        all,
        "Send this one again in a moment.",
      );
  }

  private add(whose: string, bytes: number): void {
    this.inAll += bytes;
    const own = (this.ofIdentity.get(whose) ?? 0) + bytes;
    if (own > 0) this.ofIdentity.set(whose, own);
    else this.ofIdentity.delete(whose);
  }
}

const tooMuchAtOnce = (
  what: string,
  limit: number,
  value: number,
  next: string,
) =>
  new DomainError(
    "LIMIT_EXCEEDED",
    `At most ${limit} ${what} at a time; with this one it is ${value}. ${next}`,
    { limit, value },
    429,
  );
