import type { IncomingMessage } from "node:http";
import { errors } from "jose";
import { unauthenticated } from "./errors.ts";
import type { Verified } from "./verified-tokens.ts";
import type { Viewer } from "./viewer.ts";

/** By which somebody with users in several tenants says for which one a request is. */
export const tenantHeader = "tributary-tenant";

/** Clocks may differ by so much. */
export const clockSkewSeconds = 30;

/**
 * Throws if whoever asks has nothing left: the one that a token was known to stand for, or else the address that it came
 * from.
 */
export type Admit = (known?: Viewer) => void;

/**
 * Who sends a request with a token that is good. Asked for each request, for links and users come and go; `admit` is asked
 * before that is looked up.
 */
export type Caller = (
  request: IncomingMessage,
  requestId: string,
  admit?: Admit,
) => Viewer | Promise<Viewer>;

/** One whose access tokens are believed. */
export interface TrustedIssuer {
  /** `iss` of its tokens, to the letter. */
  readonly issuer: string;
  /** Whether anybody may be told of it; who trusts which other one is nobody else's affair. */
  readonly isBuiltIn: boolean;
  /** Whom a token stands for, and how long that may be remembered; throws for one that is not good. */
  verify(token: string): Promise<Verified<Caller>>;
}

/** Why a token was not taken, for who sent it. */
export function tokenRefusal(error: unknown, issuer: string): unknown {
  if (error instanceof errors.JWTExpired)
    return unauthenticated(
      `The access token has expired. Get a new one from ${issuer}.`,
    );
  if (error instanceof errors.JOSEError)
    return unauthenticated(
      `The access token is not valid here. Get one from ${issuer}.`,
    );
  return error;
}

/** The tenant that a request names, if it names one. */
export function wantedTenant({ headers }: IncomingMessage): string | undefined {
  const wanted = headers[tenantHeader];
  return wanted === undefined ? undefined : String(wanted).toLowerCase();
}
