import type { LedgerEntry } from "../../../common/ledger-store.ts";
import type { NewNotice } from "../../../notices/store.ts";
import type { Caller } from "../access/caller.ts";
import type { ShareState } from "../generated.ts";

/** What of a share is told. */
interface Share {
  readonly id: string;
  readonly streamId: string;
  readonly communityId: string;
  readonly state: ShareState;
}

/** Of what an entry in the ledger about a share tells. */
export const subjectOf = (
  { id, communityId }: Share,
  { tenantId }: Caller,
): LedgerEntry => ({
  kind: "SHARE",
  subjectType: "Share",
  subjectId: id,
  tenantIds: [tenantId],
  communityId,
});

/** An entry for each share that ends. */
export const endings = (
  shares: readonly Share[],
  caller: Caller,
): LedgerEntry[] =>
  shares.map((share) => ({
    ...subjectOf(share, caller),
    before: { streamId: share.streamId },
  }));

/** One a community; while the own tenant's sharing is paused there, to itself alone, for nobody else sees its shares. */
export function notices(
  kind: "STREAMS_SHARED" | "STREAMS_UNSHARED",
  shares: readonly Share[],
  { tenantId }: Caller,
): NewNotice[] {
  const byCommunity = new Map<string, Share[]>();
  for (const share of shares) {
    const here = byCommunity.get(share.communityId) ?? [];
    byCommunity.set(share.communityId, here);
    here.push(share);
  }
  return [...byCommunity].map(([communityId, here]) => ({
    kind,
    communityId,
    tenantId,
    streamCount: here.length,
    audience: [
      here[0]?.state === "ACTIVE"
        ? { role: "MODERATOR" }
        : { role: "MODERATOR", tenantId },
    ],
  }));
}
