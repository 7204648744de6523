import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { RemoveEventsInput, StreamRemovalInput } from "../generated.ts";
import type { Removal } from "./asked.ts";
import { distinctTimes, maxEvents, type Target } from "./columns.ts";
import { windowFrom } from "./times.ts";

export function assertRemovable({ streams }: RemoveEventsInput): void {
  assertFew(
    "timestamps a call",
    streams.reduce((sum, { timestamps }) => sum + (timestamps?.length ?? 0), 0),
    "Split the call, or name a window.",
  );
}

/** By its windows, too, a call removes no more than one may write: it is one transaction, and holds its streams. */
export async function assertFewWithin(
  removals: readonly Removal[],
  countWithin: (removals: readonly Removal[], most: number) => Promise<number>,
): Promise<void> {
  assertFew(
    "events removed by windows a call",
    await countWithin(removals, maxEvents + 1),
    "Split the window, or the call.",
  );
}

function assertFew(what: string, events: number, next: string): void {
  if (events > maxEvents)
    throw limitExceeded(what, maxEvents, events, next, "input.streams");
}

/** One stream's part of a call; `at` is its place in the arguments. */
export function removalFrom(
  { streamId, timestamps, window }: StreamRemovalInput,
  { rowId, tenantRowId }: Pick<Target, "rowId" | "tenantRowId">,
  at: string,
): Removal {
  if ((timestamps == null) === (window == null))
    throw badInput(
      `Stream ${streamId}: give exactly one of timestamps and window.`,
      at,
    );
  return {
    tenantRowId,
    streamRowId: rowId,
    timestamps:
      timestamps == null
        ? null
        : distinctTimes({ streamId, timestamps }, at).timestamps,
    window: window == null ? null : windowFrom(window, `${at}.window`),
  };
}
