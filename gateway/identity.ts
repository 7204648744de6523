import type { IncomingMessage } from "node:http";
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { unauthenticated } from "../common/errors.ts";
import { VerifiedTokens, type Verified } from "../common/verified-tokens.ts";
import { anonymous, type Viewer } from "../common/viewer.ts";

export interface IdentityOptions {
  readonly issuer: string;
  readonly audience: string;
  /** The issuer's public keys. */
  readonly keys: JWTVerifyGetKey;
}

/** Who sends a request, by its bearer token. A request without one is anonymous: each field decides about that. */
export type Identify = (request: IncomingMessage) => Promise<Viewer>;

const clockSkewSeconds = 30;

export function identifyBy(options: IdentityOptions): Identify {
  const tokens = new VerifiedTokens((token) => verify(token, options));
  return async ({ headers: { authorization } }) => {
    if (authorization === undefined) return anonymous;
    const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization) ?? [];
    if (token === undefined)
      throw unauthenticated(
        'Send the access token as "Authorization: Bearer <token>".',
      );
    return tokens.read(token);
  };
}

async function verify(
  token: string,
  { issuer, audience, keys }: IdentityOptions,
): Promise<Verified<Viewer>> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      // The issuer's. A list that is open to HMAC would take a public key for a shared secret.
      algorithms: ["ES256"],
      // An ID token is no access token.
      typ: "at+jwt",
      requiredClaims: ["sub", "exp"],
      clockTolerance: clockSkewSeconds,
    });
    const expiresAt = (payload.exp ?? 0) + clockSkewSeconds;
    return {
      value: { ...viewerOf(payload), tokenEndsAt: expiresAt },
      expiresAt,
    };
  } catch (error) {
    throw refusalOf(error, issuer);
  }
}

/** An identity of a tenant, or a person who has none yet. */
function viewerOf({ sub = "", ...claims }: JWTPayload): Viewer {
  const { identity, tenant, email, name } = claims;
  if (typeof identity === "string")
    return {
      identityId: identity,
      tenantId: typeof tenant === "string" ? tenant : null,
      person: null,
    };
  if (typeof email !== "string" || claims["email_verified"] !== true)
    throw unauthenticated("Verify your e-mail address, then sign in again.");
  return {
    ...anonymous,
    person: { id: sub, email, name: typeof name === "string" ? name : null },
  };
}

function refusalOf(error: unknown, issuer: string): unknown {
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
