import type { JWK } from "jose";
import type { Knex } from "../../common/database.ts";
import type { Head } from "../../common/ledger/chain.ts";
import { readHead } from "../../common/ledger/keys.ts";
import {
  ChainVerifier,
  type Fault,
  type ShownLink,
} from "../../common/ledger/verify.ts";

import { LedgerStore, type Chain } from "./ledger-store.ts";
import { Progress } from "../progress.ts";

/** A chain from wherever it is read, with its ends as they were signed. */
export interface WalkedChain {
  readonly id: string;
  readonly checkpoint: string | null;
  readonly links: AsyncIterable<ShownLink>;
  /** Known when the links have been walked. */
  readonly head: () => string | null;
}

/** By what chains are judged. */
export interface Trust {
  readonly keys: readonly JWK[];
  /** Heads that somebody kept. */
  readonly kept: readonly Head[];
}

export interface Verified {
  readonly chains: number;
  readonly links: number;
  readonly faults: readonly Fault[];
  /** How many entries are still to be sealed. */
  readonly waiting: number;
  /** Entries that nobody sealed. */
  readonly strays: readonly string[];
}

export const walked = (
  { id, checkpoint, head }: Chain,
  store: LedgerStore,
): WalkedChain => ({
  id,
  checkpoint,
  links: store.links(id),
  head: () => head,
});

/** As of one moment, while the installation goes on. */
export const verifyDatabase = (db: Knex, trust: Trust): Promise<Verified> =>
  db.transaction(
    async (snapshot) => {
      const store = new LedgerStore(snapshot);
      const chains = await store.chains();
      const verified = await verifyAll(
        chains.map((chain) => walked(chain, store)),
        trust,
        chains.reduce((sum, { sequence }) => sum + sequence, 0),
      );
      const waiting = await store.waiting();
      return { ...verified, waiting, strays: await store.strays() };
    },
    { isolationLevel: "repeatable read", readOnly: true },
  );

/** Every chain to its first fault; `total` is how many links there may be, as far as that is known. */
export async function verifyAll(
  chains: Iterable<WalkedChain> | AsyncIterable<WalkedChain>,
  trust: Trust,
  total?: number,
): Promise<Verified> {
  const faults: Fault[] = [];
  const present = new Set<string>();
  const progress = new Progress(
    process.stderr,
    (count) => `${count.toLocaleString("en")} links`,
    total,
  );
  let links = 0;
  for await (const chain of chains) {
    present.add(chain.id);
    const fault = await verifyChain(chain, trust, () => {
      links += 1;
      progress.step();
    });
    if (fault) faults.push(fault);
  }
  progress.end();
  faults.push(...goneChains(trust.kept, present));
  return { chains: present.size, links, faults, waiting: 0, strays: [] };
}

/** The first fault of a chain, or null; `step` is told of every link. */
export async function verifyChain(
  chain: WalkedChain,
  { keys, kept }: Trust,
  step: () => void,
): Promise<Fault | null> {
  const { id, checkpoint: signed } = chain;
  const checkpoint = signed === null ? null : await readHead(signed, keys);
  if (signed !== null && checkpoint?.chainId !== id)
    return {
      tampering: "REWRITTEN",
      chainId: id,
      sequence: 0,
      message: "no known key has signed the checkpoint from which it goes on",
    };
  const verifier = new ChainVerifier(id, { checkpoint, kept });
  for await (const link of chain.links) {
    const fault = verifier.next(link);
    if (fault) return fault;
    step();
  }
  const token = chain.head();
  return verifier.end(token === null ? null : await readHead(token, keys));
}

/** Of kept heads whose chain is not there at all. */
const goneChains = (
  kept: readonly Head[],
  present: ReadonlySet<string>,
): Fault[] =>
  [...new Set(kept.map(({ chainId }) => chainId))]
    .filter((chainId) => !present.has(chainId))
    .map((chainId) => ({
      tampering: "DROPPED_TAIL",
      chainId,
      sequence: 1,
      message: "the chain of which a head was kept is gone",
    }));
