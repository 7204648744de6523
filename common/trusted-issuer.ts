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
 * Who sends a request with a token that is good. Asked for each request, for links and users come and go. `admit` may
 * throw before that is looked up for a token that stands for nobody yet.
 */
export type Caller = (
  request: IncomingMessage,
  requestId: string,
  admit?: () => void,
) => Viewer | Promise<Viewer>;

/** One whose access tokens are believed. */
export interface TrustedIssuer {
  /** `iss` of its tokens, to the letter. */
  readonly issuer: string;
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
