import { record, type LedgerEntry } from "../../../common/ledger-store.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { Caller } from "../access/caller.ts";
import type { StreamContext } from "../context.ts";
import type { ShareStreamsInput, UnshareStreamsInput } from "../generated.ts";
import { StreamStore } from "../stream/store.ts";
import { lossesOf, type ReadersChange } from "./readers-change-store.ts";
import { ShareStore, type Share } from "./store.ts";

/** Sharing again what is shared already changes nothing and answers the share that there is. */
export async function shareStreams(
  input: ShareStreamsInput,
  { db, viewer, call }: StreamContext,
): Promise<Share[]> {
  return db.transaction(async (transaction) => {
    const shares = new ShareStore(transaction, viewer);
    await shares.lockParticipations(input.communityIds);
    const caller = await new CallerStore(transaction, viewer).lock();
    await new StreamStore(transaction, viewer).lock(input.streamIds);
    const { streams, participations } = await shares.requireSharing(
      input.streamIds,
      input.communityIds,
    );
    const added = await shares.add(streams, participations, caller);
    const all = await shares.own(streams, participations);
    await record(
      transaction,
      call,
      "shareStreams",
      all
        .filter(({ id }) => added.has(id))
        .map((share) => ({
          ...subjectOf(share, caller),
          after: { streamId: share.streamId },
        })),
    );
    return all;
  });
}

export const unshareStreams = (
  { streamIds, communityIds, dryRun }: UnshareStreamsInput,
  { changeReaders, viewer, call }: StreamContext,
): Promise<ReadersChange> =>
  changeReaders({ dryRun }, async (transaction) => {
    const shares = new ShareStore(transaction, viewer);
    await shares.lockParticipations(
      communityIds ?? (await shares.communitiesOf(streamIds)),
    );
    const caller = await new CallerStore(transaction, viewer).lock();
    await new StreamStore(transaction, viewer).lock(streamIds);
    const ended = await shares.requireEnding(streamIds, communityIds ?? null);
    const losses = await lossesOf(transaction, caller, ended);
    await shares.remove(caller, ended);
    await record(
      transaction,
      call,
      "unshareStreams",
      ended.map((share) => ({
        ...subjectOf(share, caller),
        before: { streamId: share.streamId },
      })),
    );
    return { losses, endedShareIds: ended.map(({ id }) => id) };
  });

const subjectOf = (
  { id, communityId }: Share,
  { tenantId }: Caller,
): LedgerEntry => ({
  kind: "SHARE",
  subjectType: "Share",
  subjectId: id,
  tenantIds: [tenantId],
  communityId,
});
