import {
  digestOf,
  linkTo,
  nameHashOf,
  type Head,
  type LedgerRecord,
  type Link,
  type SaltedName,
} from "./chain.ts";

/** What was done to a chain, as far as it can be told. */
export type Tampering =
  /** An entry, its link or one of its names is not what was sealed. */
  | "CHANGED"
  /** An entry is missing that others were sealed after. */
  | "REMOVED"
  /** The chain is shorter than it was. */
  | "DROPPED_TAIL"
  /** The chain holds together, but is not the one that was signed or kept. */
  | "REWRITTEN";

export interface Fault {
  readonly tampering: Tampering;
  readonly chainId: string;
  /** The first link that is not as it was; of a rewritten chain, the one up to which that happened. */
  readonly sequence: number;
  readonly message: string;
}

/** A link with its entry; null where the entry is missing, absent where it is not shown. */
export interface ShownLink extends Link {
  readonly record?: LedgerRecord | null;
  /** Of its names those that are not erased. */
  readonly names?: readonly SaltedName[];
}

/** Walks one chain link by link and tells the first fault. */
export class ChainVerifier {
  private last: Pick<Link, "chainId" | "sequence"> & { hash: string | null };
  private readonly kept: readonly Head[];

  constructor(
    private readonly chainId: string,
    {
      checkpoint,
      kept,
    }: {
      /** Where the part ended that retention removed. */
      checkpoint: Head | null;
      /** Heads of this chain that somebody kept. */
      kept: readonly Head[];
    },
  ) {
    this.last = checkpoint ?? { chainId, sequence: 0, hash: null };
    this.kept = kept.filter((head) => head.chainId === chainId);
  }

  /** The link that comes next. */
  next(link: ShownLink): Fault | null {
    const expected = linkTo(this.last, link.digest);
    const { sequence } = expected;
    const { record } = link;
    if (link.sequence !== sequence || record === null)
      return this.fault("REMOVED", sequence, "the entry was removed");
    const what = record ? ` ${described(record)}` : "";
    if (record && digestOf(record) !== link.digest)
      return this.fault("CHANGED", sequence, `the entry${what} was changed`);
    if (link.previous !== expected.previous || link.hash !== expected.hash)
      return this.fault(
        "CHANGED",
        sequence,
        `the link of the entry${what} was changed`,
      );
    if (record && link.names?.some((name) => !isCommitted(record, name)))
      return this.fault(
        "CHANGED",
        sequence,
        `a name that belongs to the entry${what} was changed`,
      );
    this.last = link;
    return this.contradicted(sequence, link.hash);
  }

  /** After the last link: `head` is the signed one that the chain has, null if no known key has signed it. */
  end(head: Head | null): Fault | null {
    const { sequence, hash } = this.last;
    const longest = Math.max(
      head?.sequence ?? 0,
      ...this.kept.map((kept) => kept.sequence),
    );
    if (longest > sequence)
      return this.fault(
        "DROPPED_TAIL",
        sequence + 1,
        `what was sealed from here to link ${longest} was dropped`,
      );
    if (head?.chainId !== this.chainId || head.hash !== hash)
      return this.fault(
        "REWRITTEN",
        sequence,
        "the chain up to here was rewritten: no known key has signed its end",
      );
    return null;
  }

  private contradicted(sequence: number, hash: string): Fault | null {
    const kept = this.kept.find((head) => head.sequence === sequence);
    if (kept === undefined || kept.hash === hash) return null;
    return this.fault(
      "REWRITTEN",
      sequence,
      `the chain up to here was rewritten: the head that was kept has hash ${kept.hash}`,
    );
  }

  private fault(
    tampering: Tampering,
    sequence: number,
    message: string,
  ): Fault {
    return { tampering, chainId: this.chainId, sequence, message };
  }
}

const described = ({ id, at, action }: LedgerRecord) =>
  `${id} (${String(action)}, ${String(at)})`;

const isCommitted = ({ names }: LedgerRecord, name: SaltedName) =>
  (names as { id: string; hash: string }[]).some(
    ({ id, hash }) => id === name.id && hash === nameHashOf(name),
  );
