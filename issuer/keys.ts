import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWK,
} from "jose";
import { StartError } from "../common/config.ts";
import type { IssuerConfig } from "./config.ts";

export const signingAlgorithm = "ES256";

export interface IssuerKeys {
  /** Private keys of ES256. The first one signs; tokens of the others are good until they expire. */
  readonly signing: readonly JWK[];
  /** The first one signs cookies and forms; those of the others are good too. */
  readonly cookies: readonly string[];
}

/** The keys that the configuration gives, or else those of the data directory, made at the first start. */
export async function loadKeys(config: IssuerConfig): Promise<IssuerKeys> {
  if (config.givenKeys !== undefined)
    return parseKeys(config.givenKeys, "OIDC_KEYS");
  const path = join(config.dataDirectory, "issuer-keys.json");
  try {
    const text = await readFile(path, "utf8").catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await makeKeyFile(config.dataDirectory, path);
      return readFile(path, "utf8");
    });
    return await parseKeys(text, path);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(
      `The issuer's keys in ${path} cannot be read or made: ${String(cause)}. Make ${config.dataDirectory} writable, or set OIDC_KEYS.`,
      { cause },
    );
  }
}

export const publicKeys = ({ signing }: IssuerKeys): JSONWebKeySet => ({
  keys: signing.map(({ kty, crv, x, y, kid }) => ({
    ...{ kty, crv, x, y, kid },
    alg: signingAlgorithm,
    use: "sig",
  })) as JWK[],
});

async function makeKeyFile(directory: string, path: string): Promise<void> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, {
    extractable: true,
  });
  const secret = () => randomBytes(32).toString("base64url");
  const keys = { signing: [await exportJWK(privateKey)], cookies: [secret()] };
  const draft = `${path}.${secret()}`;
  await mkdir(directory, { recursive: true });
  try {
    await writeFile(draft, JSON.stringify(keys), { mode: 0o600 });
    // Linked, not renamed: of two first starts at once, the later one takes the keys of the earlier.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
}

async function parseKeys(text: string, where: string): Promise<IssuerKeys> {
  try {
    const { signing, cookies } = JSON.parse(text) as IssuerKeys;
    if (!signing.length || !signing.every(isSigningKey))
      throw new Error("`signing` must list private P-256 keys as JWK");
    if (!cookies.length || !cookies.every((key) => key.length >= 32))
      throw new Error("`cookies` must list secrets of 32 characters or more");
    return { signing: await Promise.all(signing.map(withId)), cookies };
  } catch (cause) {
    throw new StartError(
      `${where} holds no keys for the issuer: ${(cause as Error).message}. ` +
        'It is JSON like { "signing": [<JWK>], "cookies": ["<secret>"] }.',
      { cause },
    );
  }
}

const isSigningKey = ({ kty, crv, d }: JWK) =>
  kty === "EC" && crv === "P-256" && d !== undefined;

const withId = async (jwk: JWK): Promise<JWK> => ({
  ...jwk,
  kid: jwk.kid ?? (await calculateJwkThumbprint(jwk)),
  alg: signingAlgorithm,
  use: "sig",
});
