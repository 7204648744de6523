import type { Knex } from "../database.ts";
import type { ChainKind, Head, LedgerRecord, Link } from "./chain.ts";

/** An entry that waits for its link in a chain, and where that chain ends. */
export interface Unsealed {
  readonly chainId: string;
  readonly chainKind: ChainKind;
  readonly sequence: number;
  readonly hash: string | null;
  readonly entryId: number;
  readonly record: LedgerRecord;
}

/** What the sealer's transaction does; no other role and function writes hashes. */
export class SealerStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /** Chain by chain, in the order of entries; nothing while another sealer works. */
  async take(size: number): Promise<Unsealed[]> {
    const { rows } = await this.transaction.raw<{ rows: Unsealed[] }>(
      `select chain_id as "chainId", chain_kind as "chainKind", sequence, hash, entry_id as "entryId", record
       from ledger.take_unsealed(?)`,
      [size],
    );
    return rows;
  }

  async seal(
    links: readonly (Link & { entryId: number })[],
    heads: readonly (Head & { token: string })[],
  ): Promise<void> {
    await this.transaction.raw("select ledger.seal(?::jsonb, ?::jsonb)", [
      JSON.stringify(links),
      JSON.stringify(heads),
    ]);
  }
}
