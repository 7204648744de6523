import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import { EnvironmentReader } from "../common/config.ts";
import { identityClaims, signAccessToken } from "../issuer/access-token.ts";
import { readIssuerConfig } from "../issuer/config.ts";
import { loadKeys, signingAlgorithm } from "../issuer/keys.ts";
import type { Settings } from "./processes.ts";

/** Access tokens of the built-in issuer, which every contender verifies. */
export interface Tokens {
  /** By which a process believes them. */
  readonly settings: Settings;
  sign(identityId: string): Promise<string>;
}

export async function createTokens(): Promise<Tokens> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, {
    extractable: true,
  });
  const settings = {
    PUBLIC_URL: "http://127.0.0.1:4000",
    OIDC_KEYS: JSON.stringify({
      signing: [await exportJWK(privateKey)],
      cookies: [randomBytes(32).toString("hex")],
    }),
  };
  const reader = new EnvironmentReader(settings);
  const config = reader.done(readIssuerConfig(reader));
  const keys = await loadKeys(config);
  return {
    settings,
    sign: (identityId) =>
      signAccessToken(config, keys, identityClaims(identityId)),
  };
}
