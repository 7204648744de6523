import { randomBytes } from "node:crypto";
import type { JSONWebKeySet, JWK } from "jose";
import { StartError } from "../common/config.ts";
import {
  loadKeyFile,
  makeSigningKey,
  publicPart,
  signingKeys,
} from "../common/key-file.ts";
import type { IssuerConfig } from "./config.ts";

export interface IssuerKeys {
  /** Private keys of ES256. The first one signs; tokens of the others are good until they expire. */
  readonly signing: readonly JWK[];
  /** The first one signs cookies and forms; those of the others are good too. */
  readonly cookies: readonly string[];
}

/** The keys that the configuration gives, or else those of the data directory, made at the first start. */
export const loadKeys = ({
  givenKeys,
  dataDirectory,
}: IssuerConfig): Promise<IssuerKeys> =>
  loadKeyFile({
    owner: "the issuer",
    variable: "OIDC_KEYS",
    given: givenKeys,
    directory: dataDirectory,
    fileName: "issuer-keys.json",
    make: async () => ({
      signing: [await makeSigningKey()],
      cookies: [randomBytes(32).toString("base64url")],
    }),
    parse: parseKeys,
  });

export const publicKeys = ({ signing }: IssuerKeys): JSONWebKeySet => ({
  keys: signing.map(publicPart),
});

async function parseKeys(text: string, where: string): Promise<IssuerKeys> {
  try {
    const { signing, cookies } = JSON.parse(text) as IssuerKeys;
    if (!cookies.length || !cookies.every((key) => key.length >= 32))
      throw new Error("`cookies` must list secrets of 32 characters or more");
    return { signing: await signingKeys(signing), cookies };
  } catch (cause) {
    throw new StartError(
      `${where} holds no keys for the issuer: ${(cause as Error).message}. ` +
        'It is JSON like { "signing": [<JWK>], "cookies": ["<secret>"] }.',
      { cause },
    );
  }
}
