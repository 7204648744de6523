import type { EnvironmentReader } from "../common/config.ts";
import { DomainError } from "../common/errors.ts";
import type { BodyRoom } from "../common/graphql-server.ts";
import type { Viewer } from "../common/viewer.ts";
import { anonymousBodyBytes } from "./limits.ts";

/** What the bodies of requests may have at a time, from their first byte until they are answered. */
export interface BodyLimits {
  readonly bytesOfIdentity: number;
  readonly bytesOfTenant: number;
  readonly bytesInAll: number;
}

/** Two of the longest of an identity, three of a tenant, so that there is room for another's, and four. What a body says takes as much again, and at worst, of empty objects, 23 times. */
export const usualBodyLimits: BodyLimits = {
  bytesOfIdentity: 34 * 2 ** 20,
  bytesOfTenant: 51 * 2 ** 20,
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
    bytesOfTenant: bytes(
      "REQUEST_BYTES_OF_TENANT",
      usualBodyLimits.bytesOfTenant,
    ),
    bytesInAll: bytes("REQUEST_BYTES_IN_ALL", usualBodyLimits.bytesInAll),
  };
};

/** Bodies no longer than this are taken whatever else is under way: who asks must not wait for those who send. */
const smallBytes = anonymousBodyBytes;

/** Room for the bodies of all requests that a process serves. */
export class BodyBudget {
  private readonly underWay = new Map<string, number>();

  constructor(private readonly limits: BodyLimits) {}

  roomFor(viewer: Viewer): BodyRoom {
    const shares = this.sharesOf(viewer);
    let kept = 0;
    const keep = (bytes: number) => {
      for (const { key } of shares) this.add(key, bytes - kept);
      kept = bytes;
    };
    return {
      assertFits: (bytes) => {
        if (bytes > smallBytes) this.assertFits(shares, bytes - kept);
      },
      take: (bytes) => {
        if (bytes <= smallBytes) return;
        this.assertFits(shares, bytes - kept);
        keep(bytes);
      },
      release: () => keep(0),
    };
  }

  /** The narrowest first. */
  private sharesOf({ identityId, tenantId, person }: Viewer): Share[] {
    const { bytesOfIdentity, bytesOfTenant, bytesInAll } = this.limits;
    return [
      {
        key: `identity ${identityId ?? person?.id ?? ""}`,
        what: "bytes in requests of one identity",
        most: bytesOfIdentity,
        next: "Send this one again when another is answered, or less in each.",
      },
      ...(tenantId === null
        ? []
        : [
            {
              key: `tenant ${tenantId}`,
              what: "bytes in requests of one tenant",
              most: bytesOfTenant,
              next: "Send this one again in a moment.",
            },
          ]),
      {
        key: "all",
        what: "bytes in requests",
        most: bytesInAll,
        next: "Send this one again in a moment.",
      },
    ];
  }

  private assertFits(shares: readonly Share[], bytes: number): void {
    for (const { key, what, most, next } of shares) {
      const sum = (this.underWay.get(key) ?? 0) + bytes;
      if (sum > most) throw tooMuchAtOnce(what, most, sum, next);
    }
  }

  private add(key: string, bytes: number): void {
    const sum = (this.underWay.get(key) ?? 0) + bytes;
    if (sum > 0) this.underWay.set(key, sum);
    else this.underWay.delete(key);
  }
}

/** A part of the room, and whose it is. */
interface Share {
  readonly key: string;
  readonly what: string;
  readonly most: number;
  readonly next: string;
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
