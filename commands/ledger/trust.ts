import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JWK } from "jose";
import { StartError } from "../../common/config.ts";
import {
  keyOf,
  loadLedgerKeys,
  publicLedgerKeys,
  readHead,
  type LedgerConfig,
} from "../../common/ledger/keys.ts";
import type { Trust } from "./verify.ts";

/**
 * What chains are judged by: the heads that were kept, each given as it is or as a file of one a line, and the keys of a
 * file, of this installation, or else those that the kept heads carry.
 */
export async function trustFrom(
  config: LedgerConfig,
  heads: readonly string[],
  keysPath: string | undefined,
): Promise<Trust> {
  const tokens = (await Promise.all(heads.map(tokensOf))).flat();
  const keys = await keysFrom(config, tokens, keysPath);
  const kept = await Promise.all(
    tokens.map(async (token) => {
      const head = await readHead(token, keys);
      if (head === null)
        throw new StartError(
          `No known key has signed the head ${token.slice(0, 40)}… Name the file with the ledger's public keys by --keys.`,
        );
      return head;
    }),
  );
  return { keys, kept };
}

async function tokensOf(head: string): Promise<string[]> {
  if (!existsSync(head)) return [head];
  const text = await readFile(head, "utf8");
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => (line.startsWith("{") ? headIn(line) : line));
}

/** A line of what "heads" prints, or a head as the graph answers it. */
function headIn(line: string): string {
  const { head, signature } = JSON.parse(line) as Record<string, string>;
  return head ?? signature ?? "";
}

async function keysFrom(
  config: LedgerConfig,
  tokens: readonly string[],
  path: string | undefined,
): Promise<JWK[]> {
  if (path !== undefined) {
    const { keys } = JSON.parse(await readFile(path, "utf8")) as {
      keys: JWK[];
    };
    return keys;
  }
  const file = join(config.dataDirectory, "ledger-keys.json");
  if (config.givenKeys !== undefined || existsSync(file))
    return publicLedgerKeys(await loadLedgerKeys(config));
  const carried = tokens.flatMap((token) => keyOf(token) ?? []);
  if (carried.length > 0) return carried;
  throw new StartError(
    `There are no keys to judge the ledger by: set TRIBUTARY_DATA or LEDGER_KEYS as for the installation, name a file of public keys by --keys, or a head that was kept by --head.`,
  );
}
