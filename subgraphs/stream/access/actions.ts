import { record } from "../../../common/ledger-store.ts";
import type { StreamContext } from "../context.ts";
import type { SetStreamAccessInput } from "../generated.ts";
import {
  nothingLost,
  type ReadersChange,
} from "../share/readers-change-store.ts";
import { placeOf, streamIdsOf } from "../stream/input.ts";
import { StreamStore } from "../stream/store.ts";
import { CallerStore } from "./caller-store.ts";
import {
  assertFewEntries,
  assertGrantable,
  entriesFrom,
  namedIn,
  written,
} from "./entries.ts";
import { AccessStore } from "./store.ts";

export async function setStreamAccess(
  input: SetStreamAccessInput & { areLossesAsked: boolean },
  { changeReaders, viewer, call }: StreamContext,
): Promise<ReadersChange> {
  const streamIds = streamIdsOf(input);
  assertFewEntries(input.access);
  return changeReaders(input, async (transaction) => {
    const callers = new CallerStore(transaction, viewer);
    const access = new AccessStore(transaction, viewer);
    const streams = new StreamStore(transaction, viewer);
    const named = namedIn(input.access);
    const caller = await callers.lock(named);
    const entries = entriesFrom(
      input.access,
      await callers.colleagues(caller, named),
    );
    await streams.lock(streamIds);
    const changing = await streams.require(
      "MANAGE_ACCESS_CONTROL",
      streamIds,
      placeOf,
    );
    const before = await access.entriesOf(changing);
    for (const stream of changing)
      assertGrantable(caller, stream, before.get(stream.id) ?? [], entries);
    const listId = await access.listOf(caller.tenantRowId, entries);
    const losses = input.areLossesAsked
      ? await access.losses(caller, changing, listId)
      : nothingLost;
    await access.set(caller, changing, listId);
    await record(
      transaction,
      call,
      "setStreamAccess",
      changing.map(({ id }) => ({
        kind: "ACCESS",
        subjectType: "Stream",
        subjectId: id,
        tenantIds: [caller.tenantId],
        before: before.get(id)?.map(written),
        after: entries.map(written),
      })),
    );
    return { losses, endedShareIds: [] };
  });
}
