import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
} from "jose";
import { StartError } from "./config.ts";

export const signingAlgorithm = "ES256";

export interface KeyFile<Keys> {
  /** What the keys are for, e.g. "the issuer". */
  readonly owner: string;
  /** The variable that gives them instead of the file, and what it says. */
  readonly variable: string;
  readonly given: string | undefined;
  readonly directory: string;
  readonly fileName: string;
  readonly make: () => Promise<unknown>;
  readonly parse: (text: string, where: string) => Promise<Keys>;
}

/** The keys that the configuration gives, or else those of the data directory, made at the first start. */
export async function loadKeyFile<Keys>(file: KeyFile<Keys>): Promise<Keys> {
  const { owner, variable, given, directory, fileName, make, parse } = file;
  if (given !== undefined) return parse(given, variable);
  const path = join(directory, fileName);
  try {
    const text = await readFile(path, "utf8").catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await makeKeyFile(directory, path, await make());
      return readFile(path, "utf8");
    });
    return await parse(text, path);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(
      `The keys of ${owner} in ${path} cannot be read or made: ${String(cause)}. Make ${directory} writable, or set ${variable}.`,
      { cause },
    );
  }
}

async function makeKeyFile(
  directory: string,
  path: string,
  keys: unknown,
): Promise<void> {
  const draft = `${path}.${randomBytes(32).toString("base64url")}`;
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

/** A new private key of ES256. */
export async function makeSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, {
    extractable: true,
  });
  return exportJWK(privateKey);
}

/** Private keys of ES256 with their ids; throws if one is none. */
export async function signingKeys(keys: readonly JWK[]): Promise<JWK[]> {
  if (!keys.length || !keys.every(isSigningKey))
    throw new Error("`signing` must list private P-256 keys as JWK");
  return Promise.all(keys.map(withId));
}

/** What anybody may see of a signing key. */
export const publicPart = ({ kty, crv, x, y, kid }: JWK): JWK =>
  ({ kty, crv, x, y, kid, alg: signingAlgorithm, use: "sig" }) as JWK;

const isSigningKey = ({ kty, crv, d }: JWK) =>
  kty === "EC" && crv === "P-256" && d !== undefined;

const withId = async (jwk: JWK): Promise<JWK> => ({
  ...jwk,
  kid: jwk.kid ?? (await calculateJwkThumbprint(jwk)),
  alg: signingAlgorithm,
  use: "sig",
});
