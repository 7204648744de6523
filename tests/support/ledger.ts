import { makeSigningKey } from "../../common/key-file.ts";
import {
  headSigner,
  loadLedgerKeys,
  publicLedgerKeys,
  type LedgerKeys,
  type SignHead,
} from "../../common/ledger/keys.ts";
import { sealAll } from "../../common/ledger/sealer.ts";
import type { TestDatabase } from "./database.ts";

export type TestLedger = Awaited<ReturnType<typeof ledgerOf>>;

/** The ledger of a test's database, and a sealer with keys of its own that works when it is told to. */
export async function ledgerOf(database: TestDatabase) {
  const givenKeys = JSON.stringify({ signing: [await makeSigningKey()] });
  const keys: LedgerKeys = await loadLedgerKeys({
    givenKeys,
    dataDirectory: "",
  });
  const sign: SignHead = await headSigner(keys);
  return {
    sign,
    /** As the environment gives them. */
    givenKeys,
    publicKeys: publicLedgerKeys(keys),
    /** Answers how many links were made. */
    seal: () => sealAll(database.as("community"), sign),
    chain: async (id: string) => {
      const [chain] = (await database
        .owner("ledger.chains")
        .where({ id })
        .select("kind", "sequence")) as { kind: string; sequence: number }[];
      return chain;
    },
  };
}
