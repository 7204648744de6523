import { SignJWT, jwtVerify } from "jose";
import type { EnvironmentReader } from "./config.ts";
import { unauthenticated } from "./errors.ts";
import { VerifiedTokens } from "./verified-tokens.ts";
import type { Person, Viewer } from "./viewer.ts";

const issuer = "tributary-gateway";
const audience = "tributary-subgraph";
const algorithm = "HS256";
const lifeSeconds = 60;
/** A token this close to its end is replaced, so that it does not expire on its way. */
const marginSeconds = 10;

/** What the gateway and its subgraphs share; whoever holds it can speak for anybody. */
export function readInternalTokenSecret(reader: EnvironmentReader): string {
  const secret = reader.text("INTERNAL_TOKEN_SECRET");
  if (secret !== "" && secret.length < 32)
    reader.fault(
      "INTERNAL_TOKEN_SECRET must have at least 32 characters; take `openssl rand -hex 32`.",
    );
  return secret;
}

/** Makes the tokens by which the gateway tells subgraphs in other processes who calls; one a viewer, renewed in time. */
export class InternalTokenSigner {
  private readonly key: Uint8Array;
  private readonly tokens = new WeakMap<
    Viewer,
    { token: Promise<string>; expiresAt: number }
  >();

  constructor(secret: string) {
    this.key = new TextEncoder().encode(secret);
  }

  sign(viewer: Viewer): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const known = this.tokens.get(viewer);
    if (known && known.expiresAt - marginSeconds > now) return known.token;
    const expiresAt = now + lifeSeconds;
    const token = new SignJWT({
      identity: viewer.identityId,
      tenant: viewer.tenantId,
      person: viewer.person,
      isEmailProven: viewer.isEmailProven,
      endsAt: viewer.tokenEndsAt,
    })
      .setProtectedHeader({ alg: algorithm })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(expiresAt)
      .sign(this.key);
    this.tokens.set(viewer, { token, expiresAt });
    return token;
  }
}

/** Reads those tokens in a subgraph, which refuses everything else. */
export function internalTokens(secret: string): VerifiedTokens<Viewer> {
  const key = new TextEncoder().encode(secret);
  return new VerifiedTokens(async (token) => {
    const { payload } = await jwtVerify<{
      identity: string | null;
      tenant: string | null;
      person: Person | null;
      isEmailProven?: boolean;
      endsAt?: number;
    }>(token, key, {
      issuer,
      audience,
      algorithms: [algorithm],
      requiredClaims: ["exp"],
    }).catch(() => {
      throw unauthenticated(
        "Only the gateway may call a subgraph; send this to the gateway.",
      );
    });
    const { identity, tenant, person, isEmailProven, endsAt } = payload;
    return {
      value: {
        identityId: identity,
        tenantId: tenant,
        person,
        isEmailProven: isEmailProven === true,
        ...(endsAt !== undefined && { tokenEndsAt: endsAt }),
      },
      expiresAt: payload.exp ?? 0,
    };
  });
}
