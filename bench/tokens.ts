import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { signingAlgorithm } from "../issuer/keys.ts";
import { audienceOf, issuerOf } from "../issuer/provider.ts";
import type { Settings } from "./processes.ts";

/** Access tokens as the built-in issuer makes them, which every contender verifies. */
export interface Tokens {
  /** What a process takes them by. */
  readonly settings: Settings;
  sign(identityId: string): Promise<string>;
}

export async function createTokens(): Promise<Tokens> {
  const publicUrl = new URL("http://127.0.0.1:4000");
  const { privateKey } = await generateKeyPair(signingAlgorithm, {
    extractable: true,
  });
  const keys = {
    signing: [await exportJWK(privateKey)],
    cookies: [randomBytes(32).toString("hex")],
  };
  return {
    settings: { PUBLIC_URL: publicUrl.origin, OIDC_KEYS: JSON.stringify(keys) },
    sign: (identityId) =>
      new SignJWT({ identity: identityId })
        .setProtectedHeader({ alg: signingAlgorithm, typ: "at+jwt" })
        .setIssuer(issuerOf({ publicUrl }))
        .setAudience(audienceOf({ publicUrl }))
        .setSubject(identityId)
        .setIssuedAt()
        .setExpirationTime("2h")
        .sign(privateKey),
  };
}
