import { randomBytes } from "node:crypto";
import { EnvironmentReader } from "../common/config.ts";
import { makeSigningKey } from "../common/key-file.ts";
import { identityClaims, signAccessToken } from "../issuer/access-token.ts";
import { readIssuerConfig } from "../issuer/config.ts";
import { loadKeys } from "../issuer/keys.ts";
import type { Settings } from "./processes.ts";

/** Access tokens of the built-in issuer, which every contender verifies. */
export interface Tokens {
  /** By which a process believes them; the keys of the ledger besides, so that none are made. */
  readonly settings: Settings;
  sign(identityId: string, tenantId?: string): Promise<string>;
}

export async function createTokens(): Promise<Tokens> {
  const settings = {
    PUBLIC_URL: "http://127.0.0.1:4000",
    OIDC_KEYS: JSON.stringify({
      signing: [await makeSigningKey()],
      cookies: [randomBytes(32).toString("hex")],
    }),
    LEDGER_KEYS: JSON.stringify({ signing: [await makeSigningKey()] }),
  };
  const reader = new EnvironmentReader(settings);
  const config = reader.done(readIssuerConfig(reader));
  const keys = await loadKeys(config);
  return {
    settings,
    // Most figures have no other tenant to be counted beside.
    sign: (identity, tenantId = identity) =>
      signAccessToken(config, keys, identityClaims({ identity, tenantId })),
  };
}
