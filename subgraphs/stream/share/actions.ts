import { record } from "../../../common/ledger-store.ts";
import { notify } from "../../../notices/store.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { StreamContext } from "../context.ts";
import type { ShareStreamsInput, UnshareStreamsInput } from "../generated.ts";
import { StreamStore } from "../stream/store.ts";
import {
  lossesOf,
  nothingLost,
  type ReadersChange,
} from "./readers-change-store.ts";
import { ShareChangeStore } from "./change-store.ts";
import type { Share } from "./rows-store.ts";
import { endings, notices, subjectOf } from "./told.ts";

/** Sharing again what is shared already changes nothing and answers the share that there is. */
export async function shareStreams(
  input: ShareStreamsInput,
  { db, viewer, call }: StreamContext,
): Promise<Share[]> {
  return db.transaction(async (transaction) => {
    const shares = new ShareChangeStore(transaction, viewer);
    await shares.lockParticipations(input.communityIds);
    const caller = await new CallerStore(transaction, viewer).lock();
    await new StreamStore(transaction, viewer).lock(input.streamIds);
    const { streams, participations } = await shares.requireSharing(
      input.streamIds,
      input.communityIds,
    );
    const added = await shares.add(streams, participations, caller);
    const all = await shares.own(streams, participations);
    const begun = all.filter(({ id }) => added.has(id));
    await record(
      transaction,
      call,
      "shareStreams",
      begun.map((share) => ({
        ...subjectOf(share, caller),
        after: { streamId: share.streamId },
      })),
    );
    await notify(transaction, call, notices("STREAMS_SHARED", begun, caller));
    return all;
  });
}

export const unshareStreams = (
  {
    streamIds,
    communityIds,
    dryRun,
    areLossesAsked,
  }: UnshareStreamsInput & { areLossesAsked: boolean },
  { changeReaders, viewer, call }: StreamContext,
): Promise<ReadersChange> =>
  changeReaders({ dryRun }, async (transaction) => {
    const shares = new ShareChangeStore(transaction, viewer);
    await shares.lockParticipations(
      communityIds ?? (await shares.communitiesOf(streamIds)),
    );
    const caller = await new CallerStore(transaction, viewer).lock();
    await new StreamStore(transaction, viewer).lock(streamIds);
    const ended = await shares.requireEnding(streamIds, communityIds ?? null);
    const losses = areLossesAsked
      ? await lossesOf(transaction, caller, ended)
      : nothingLost;
    await shares.remove(caller, ended);
    await record(transaction, call, "unshareStreams", endings(ended, caller));
    await notify(transaction, call, notices("STREAMS_UNSHARED", ended, caller));
    return { losses, endedShareIds: ended.map(({ id }) => id) };
  });
