import { record } from "../../../../common/ledger-store.ts";
import { notify } from "../../../../notices/store.ts";
import { hasRole } from "../../access/caller.ts";
import { CallerStore } from "../../access/caller-store.ts";
import type { StreamContext } from "../../context.ts";
import { eventChanges } from "../../event/store.ts";
import type { DeleteStreamsInput } from "../../generated.ts";
import {
  nothingLost,
  type ReadersChange,
} from "../../share/readers-change-store.ts";
import { ShareChangeStore } from "../../share/change-store.ts";
import { endings, notices } from "../../share/told.ts";
import { StreamDeletionStore } from "./store.ts";
import { placeOf, streamIdsOf } from "../input.ts";
import { StreamStore, typeOf } from "../store.ts";

/** Deletes streams with their shares and events, all of them or nothing; `at` is the place of each in the arguments. */
export async function deleteStreams(
  input: DeleteStreamsInput & { areLossesAsked: boolean },
  { changeReaders, viewer, call }: StreamContext,
  at: (index: number) => string = placeOf,
): Promise<ReadersChange> {
  const streamIds = streamIdsOf(input);
  return changeReaders(input, async (transaction) => {
    const streams = new StreamStore(transaction, viewer);
    const shares = new ShareChangeStore(transaction, viewer);
    const deletion = new StreamDeletionStore(transaction);
    const found = await streams.require("DELETE", streamIds, at);
    await shares.lockParticipations(
      (await shares.ofStreams(found)).map(({ communityId }) => communityId),
    );
    // Whoever writes to them ends first, as it holds what it writes to before it holds anything else.
    await eventChanges(transaction).claim(
      found.map(({ tenantRowId, rowId }) => ({
        tenantRowId,
        streamRowId: rowId,
      })),
    );
    const caller = await new CallerStore(transaction, viewer).lock();
    await streams.lock(streamIds);
    const ending = await streams.require("DELETE", streamIds, at);
    const ended = await shares.ofStreams(ending);
    // T4, S8: those alone are told that the caller sees, and of colleagues' access those who may ask for it.
    const seen = await shares.own(ending, null);
    const seesColleagues = hasRole(
      caller,
      "ACCOUNT_ADMINISTRATOR",
      "DATA_STEWARD",
    );
    const losses = input.areLossesAsked
      ? await deletion.losses(caller, seesColleagues ? ending : [], seen)
      : nothingLost;
    await record(transaction, call, "deleteStreams", [
      ...endings(ended, caller),
      ...ending.map((stream) => ({
        kind: "STREAM" as const,
        subjectType: "Stream",
        subjectId: stream.id,
        tenantIds: [caller.tenantId],
        before: { typeId: typeOf(stream).id },
      })),
    ]);
    await notify(transaction, call, notices("STREAMS_UNSHARED", ended, caller));
    await deletion.remove(caller, ending);
    return { losses, endedShareIds: seen.map(({ id }) => id) };
  });
}
