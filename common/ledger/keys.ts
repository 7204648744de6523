import {
  CompactSign,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
  type JWK,
} from "jose";
import { StartError, type EnvironmentReader } from "../config.ts";
import {
  loadKeyFile,
  makeSigningKey,
  publicPart,
  signingAlgorithm,
  signingKeys,
} from "../key-file.ts";
import { canonicalJson } from "./canonical.ts";
import type { Head } from "./chain.ts";

export interface LedgerConfig {
  /** Signing keys as JSON; without them, the data directory's are taken or made. */
  readonly givenKeys: string | undefined;
  readonly dataDirectory: string;
}

export const readLedgerConfig = (reader: EnvironmentReader): LedgerConfig => ({
  givenKeys: reader.optional("LEDGER_KEYS"),
  dataDirectory: reader.text("TRIBUTARY_DATA", ".tributary"),
});

/** Private keys of ES256. The first one signs; what the others have signed is good too. */
export type LedgerKeys = readonly JWK[];

export const loadLedgerKeys = ({
  givenKeys,
  dataDirectory,
}: LedgerConfig): Promise<LedgerKeys> =>
  loadKeyFile({
    owner: "the ledger",
    variable: "LEDGER_KEYS",
    given: givenKeys,
    directory: dataDirectory,
    fileName: "ledger-keys.json",
    make: async () => ({ signing: [await makeSigningKey()] }),
    parse: parseKeys,
  });

async function parseKeys(text: string, where: string): Promise<LedgerKeys> {
  try {
    const { signing } = JSON.parse(text) as { signing: JWK[] };
    return await signingKeys(signing);
  } catch (cause) {
    throw new StartError(
      `${where} holds no keys for the ledger: ${(cause as Error).message}. It is JSON like { "signing": [<JWK>] }.`,
      { cause },
    );
  }
}

const headType = "tributary-ledger-head";

export type SignHead = (head: Head) => Promise<string>;

/** Signs heads as compact JWS that carry the public key, whose id tells whether to believe it. */
export async function headSigner([jwk]: LedgerKeys): Promise<SignHead> {
  if (!jwk) throw new Error("The ledger has no key to sign with.");
  const key = await importJWK(jwk, signingAlgorithm);
  const header = {
    alg: signingAlgorithm,
    typ: headType,
    kid: jwk.kid as string,
    jwk: publicPart(jwk),
  };
  return (head) =>
    new CompactSign(Buffer.from(canonicalJson(head)))
      .setProtectedHeader(header)
      .sign(key);
}

export const publicLedgerKeys = (keys: LedgerKeys): JWK[] =>
  keys.map(publicPart);

/** The public key that a signed head carries. */
export function keyOf(token: string): JWK | undefined {
  try {
    return decodeProtectedHeader(token).jwk;
  } catch {
    return undefined;
  }
}

/** What a signed head says; null if none of these keys has signed it. */
export async function readHead(
  token: string,
  trusted: readonly JWK[],
): Promise<Head | null> {
  for (const jwk of trusted)
    try {
      const { payload, protectedHeader } = await compactVerify(
        token,
        await importJWK(jwk, signingAlgorithm),
        { algorithms: [signingAlgorithm] },
      );
      if (protectedHeader.typ === headType)
        return JSON.parse(Buffer.from(payload).toString()) as Head;
    } catch {
      // Signed by another key, or not at all.
    }
  return null;
}
