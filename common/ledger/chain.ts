import { hashOf } from "./canonical.ts";

export type ChainKind = "TENANT" | "COMMUNITY" | "INSTALLATION";

/** An entry as it is hashed and exported; docs/ledger.md lists what it holds. */
export type LedgerRecord = Readonly<Record<string, unknown>> & {
  readonly id: string;
};

/** An entry's place in a chain. Hashes are in hexadecimal. */
export interface Link {
  readonly chainId: string;
  /** From 1 on, without a gap. */
  readonly sequence: number;
  /** The hash of the entry, which can be shown where the entry cannot. */
  readonly digest: string;
  /** The hash of the link before; null for the first. */
  readonly previous: string | null;
  readonly hash: string;
}

/** Where a chain ends, or ended at some time. */
export interface Head {
  readonly chainId: string;
  readonly kind: ChainKind;
  readonly sequence: number;
  readonly hash: string;
  readonly at: string;
}

export const digestOf = (record: LedgerRecord): string => hashOf(record);

/** The link that follows the one with this sequence and hash. */
export function linkTo(
  {
    chainId,
    sequence,
    hash,
  }: Pick<Link, "chainId" | "sequence"> & {
    readonly hash: string | null;
  },
  digest: string,
): Link {
  const link = { chainId, sequence: sequence + 1, digest, previous: hash };
  return { ...link, hash: hashOf(link) };
}

/** A name or e-mail as the side table has it. */
export interface SaltedName {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly salt: string;
}

export const nameHashOf = ({ id, name, email, salt }: SaltedName): string =>
  hashOf({ id, name, email, salt });
