import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { unauthenticated } from "../../common/errors.ts";
import { parseEmail } from "../../common/text.ts";
import {
  clockSkewSeconds,
  tokenRefusal,
  wantedTenant,
  type TrustedIssuer,
} from "../../common/trusted-issuer.ts";
import type { Viewer } from "../../common/viewer.ts";
import type { OutsideIssuer } from "./config.ts";
import type { OutsideIdentities } from "./identities.ts";
import type { RemoteKeys } from "./keys.ts";

/** What a token of an outside issuer says of who sends it. */
export interface OutsideSubject {
  readonly subject: string;
  /** What the issuer vouches for, or why it vouches for none. */
  readonly email: { readonly verified: string } | { readonly fault: string };
}

/** Access tokens (RFC 9068), and those of issuers that do not say what they are; nothing else that is signed. */
const accessTokenTypes = [undefined, "at+jwt", "jwt"];

/** An outside issuer, whose tokens name subjects of its own. */
export const outsideTokens = (
  config: OutsideIssuer,
  keys: RemoteKeys,
  identities: OutsideIdentities,
): TrustedIssuer => ({
  issuer: config.issuer,
  isBuiltIn: false,
  async verify(token) {
    const { value: payload, freshUntilMs } = await keys
      .check((find) => verifyAccessToken(token, config, find))
      .catch((error: unknown) => {
        throw tokenRefusal(error, config.issuer);
      });
    const from = subjectOf(payload, config);
    const tokenEndsAt = (payload.exp ?? 0) + clockSkewSeconds;
    // The same one for the same identity, so that what hangs on it is found again.
    const viewers = new Map<string, Viewer>();
    const lastByTenant = new Map<string | undefined, Viewer>();
    return {
      // A key that the issuer takes back is not remembered in its tokens.
      expiresAt: Math.min(tokenEndsAt, freshUntilMs / 1000),
      async value(request, requestId, admit) {
        const wanted = wantedTenant(request);
        admit?.(lastByTenant.get(wanted));
        const found = await identities
          .find(from, wanted, requestId)
          .catch((error: unknown) => {
            lastByTenant.delete(wanted);
            throw error;
          });
        const { identity, tenantId, isEmailProven } = found;
        const viewer = viewers.get(identity) ?? {
          identityId: identity,
          tenantId,
          person: null,
          isEmailProven,
          tokenEndsAt,
        };
        viewers.set(identity, viewer);
        lastByTenant.set(wanted, viewer);
        return viewer;
      },
    };
  },
});

async function verifyAccessToken(
  token: string,
  { issuer, audience, algorithms }: OutsideIssuer,
  find: JWTVerifyGetKey,
): Promise<JWTPayload> {
  const { payload, protectedHeader } = await jwtVerify(token, find, {
    issuer,
    audience,
    algorithms: [...algorithms],
    requiredClaims: ["sub", "exp"],
    clockTolerance: clockSkewSeconds,
  });
  const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, "");
  if (!accessTokenTypes.includes(type))
    throw new errors.JWTInvalid("not an access token");
  // A token that is bound to a key is worth nothing without the proof, which nobody asks for here.
  if (payload["cnf"] !== undefined)
    throw unauthenticated(
      `This access token of ${issuer} is bound to a key of its client, which is not checked here. Have the issuer give out bearer tokens.`,
    );
  return payload;
}

function subjectOf(payload: JWTPayload, config: OutsideIssuer): OutsideSubject {
  const { sub } = payload;
  // As OpenID Connect has it; and what PostgreSQL would not keep as it is never comes there.
  if (typeof sub !== "string" || !/^[\x20-\x7e]{1,255}$/.test(sub))
    throw unauthenticated(
      `The access token of ${config.issuer} has no subject of 1 to 255 ASCII characters.`,
    );
  return { subject: sub, email: vouchedEmail(payload, config) };
}

function vouchedEmail(
  payload: JWTPayload,
  { emailClaim, emailVerifiedClaim }: OutsideIssuer,
): OutsideSubject["email"] {
  const email = payload[emailClaim];
  if (typeof email !== "string")
    return {
      fault: `Its token has no e-mail in the claim "${emailClaim}": have the issuer put it into access tokens, or name another claim by emailClaim.`,
    };
  if (payload[emailVerifiedClaim] !== true)
    return {
      fault: `The issuer does not vouch for the e-mail: the claim "${emailVerifiedClaim}" is not true. Verify the e-mail there, or name another claim by emailVerifiedClaim.`,
    };
  const verified = exactEmail(email);
  return verified === null
    ? { fault: "The e-mail in its token is none that can be looked up." }
    : { verified };
}

/** Letters that only look like ASCII can turn into it when their case is changed, and spaces are no part of an e-mail. */
export const exactEmail = (text: string): string | null =>
  /^[\x21-\x7e]+$/.test(text) ? parseEmail(text) : null;
