import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { StartError } from "../../common/config.ts";
import type { LedgerRecord, Link } from "../../common/ledger/chain.ts";
import type { Chain, LedgerStore } from "./ledger-store.ts";
import type { WalkedChain } from "./verify.ts";

/** One line of an export: the start of a chain, one of its links, or its end. */
type Line =
  | { chain: string; kind: string; checkpoint: string | null }
  | (Omit<Link, "chainId"> & { chain: string; entry?: LedgerRecord })
  | { chain: string; head: string };

/** The chains as JSON lines; what does not concern the tenant they are for stands there by its digest alone. */
export async function* exported(
  chains: readonly Chain[],
  store: LedgerStore,
  shownTo: string | null,
): AsyncGenerator<string> {
  for (const { id: chain, kind, checkpoint, head } of chains) {
    yield line({ chain, kind, checkpoint });
    for await (const shown of store.links(chain, shownTo)) {
      const { sequence, digest, previous, hash, record: entry } = shown;
      const link = { chain, sequence, digest, previous, hash };
      yield line(entry ? { ...link, entry } : link);
    }
    yield line({ chain, head });
  }
}

const line = (content: Line) => `${JSON.stringify(content)}\n`;

/** The chains of an exported file, one after the other; what is not walked of one is passed over. */
export async function* chainsIn(path: string): AsyncGenerator<WalkedChain> {
  const lines = parsed(path);
  let unended: string | undefined;
  for (;;) {
    const start = await lines.next();
    if (start.done) return;
    const { content, number } = start.value;
    if (content.chain === unended) {
      if ("head" in content) unended = undefined;
      continue;
    }
    if (!("checkpoint" in content))
      throw broken(path, number, "a chain begins here without its first line");
    let head: string | null = null;
    unended = content.chain;
    yield {
      id: content.chain,
      checkpoint: content.checkpoint,
      links: (async function* () {
        for (;;) {
          const next = await lines.next();
          if (next.done) return;
          const { content: found, number: at } = next.value;
          if (found.chain !== content.chain || "checkpoint" in found)
            throw broken(path, at, "the chain before it has no end");
          if ("head" in found) {
            head = found.head;
            unended = undefined;
            return;
          }
          const { chain: chainId, entry: record, ...link } = found;
          yield { chainId, ...link, ...(record && { record }) };
        }
      })(),
      head: () => head,
    };
  }
}

async function* parsed(
  path: string,
): AsyncGenerator<{ content: Line; number: number }, undefined> {
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(path) })) {
    number += 1;
    if (text !== "") yield { content: parse(path, number, text), number };
  }
  return undefined;
}

function parse(path: string, number: number, text: string): Line {
  try {
    const content: unknown = JSON.parse(text);
    if (
      typeof content === "object" &&
      content !== null &&
      "chain" in content &&
      ("checkpoint" in content || "head" in content || "digest" in content)
    )
      return content as Line;
  } catch {
    // Not JSON: no line of an export.
  }
  throw broken(path, number, "it is no line of an exported ledger");
}

const broken = (path: string, number: number, what: string) =>
  new StartError(`${path}, line ${number}: ${what}.`);
