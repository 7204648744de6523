import { jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { unauthenticated } from "../common/errors.ts";
import { signingAlgorithm } from "../common/key-file.ts";
import {
  clockSkewSeconds,
  tenantHeader,
  tokenRefusal,
  wantedTenant,
  type Caller,
  type TrustedIssuer,
} from "../common/trusted-issuer.ts";
import { anonymous, type Viewer } from "../common/viewer.ts";

export interface OwnTokens {
  readonly issuer: string;
  readonly audience: string;
  /** The issuer's public keys. */
  readonly keys: JWTVerifyGetKey;
}

/** The built-in issuer, whose tokens name the identity that they stand for. */
export const ownTokens = ({
  issuer,
  audience,
  keys,
}: OwnTokens): TrustedIssuer => ({
  issuer,
  isBuiltIn: true,
  async verify(token) {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      // A list that is open to HMAC would take a public key for a shared secret.
      algorithms: [signingAlgorithm],
      // An ID token is no access token.
      typ: "at+jwt",
      requiredClaims: ["sub", "exp"],
      clockTolerance: clockSkewSeconds,
    }).catch((error: unknown) => {
      throw tokenRefusal(error, issuer);
    });
    const expiresAt = (payload.exp ?? 0) + clockSkewSeconds;
    const viewer = { ...viewerOf(payload), tokenEndsAt: expiresAt };
    return { value: callerOf(viewer), expiresAt };
  },
});

/** An identity of a tenant, or a person who has none yet. */
function viewerOf({ sub = "", ...claims }: JWTPayload): Viewer {
  const { identity, tenant, email, name } = claims;
  if (typeof identity === "string")
    return {
      identityId: identity,
      tenantId: typeof tenant === "string" ? tenant : null,
      person: null,
      // Whoever signs in here has followed a link that was sent there, and chosen a password by it.
      isEmailProven: true,
    };
  if (typeof email !== "string" || claims["email_verified"] !== true)
    throw unauthenticated("Verify your e-mail address, then sign in again.");
  return {
    ...anonymous,
    person: { id: sub, email, name: typeof name === "string" ? name : null },
    isEmailProven: true,
  };
}

/** The tenant was chosen at sign-in; a request that means another one must not go to this one. */
const callerOf =
  (viewer: Viewer): Caller =>
  (request) => {
    const wanted = wantedTenant(request);
    if (wanted !== undefined && wanted !== viewer.tenantId)
      throw unauthenticated(
        `The access token is not for the tenant that the header ${tenantHeader} names. Leave out the header, or sign in for that tenant.`,
      );
    return viewer;
  };
