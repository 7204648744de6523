import { notFound } from "../../../../common/errors.ts";
import {
  assertTokenHolds,
  unlessGone,
  type CallContext,
} from "../../../../common/permissions.ts";
import type { StreamContext } from "../../context.ts";
import type { WriteResult } from "../../generated.ts";
import { storeEvents, withProperties } from "../actions.ts";
import type { Batch } from "./batches.ts";
import { eventsOf, streamsIn } from "./events.ts";
import type { Ingest } from "./request.ts";
import { TargetStore } from "./target-store.ts";

type Context = CallContext &
  Pick<StreamContext, "db" | "viewer" | "call" | "streams" | "streamTypes">;

/**
 * Writes the events of a batch, all of them or none, as `writeEvents` does. Each batch is a call of its own: who sends
 * it, and what it may do, is asked anew.
 */
export function storeBatch(
  batch: Batch,
  { mode, namespace, idempotencyKey }: Ingest,
  context: Context,
): Promise<WriteResult> {
  return unlessGone(context, async () => {
    assertTokenHolds(context.viewer, "send the rest");
    const places = [...streamsIn(batch)];
    const names = places.map(([name]) => name);
    const placeOf = (i: number) => places[i]?.[1] ?? "";
    const streamIds =
      namespace === null
        ? names
        : await idsIn(namespace, names, placeOf, context);
    const { streams, streamTypes } = context;
    const targets = await withProperties(
      await streams.requireNamed("WRITE", streamIds, placeOf),
      streamTypes,
    );
    const events = eventsOf(
      batch,
      new Map(targets.map((target, i) => [names[i] ?? "", target])),
      mode,
    );
    const keyed =
      idempotencyKey === null
        ? {}
        : {
            idempotencyKey: `${idempotencyKey}, row ${batch.firstRow}`,
            mode,
            events,
          };
    return storeEvents(
      { streamIds, mode, keyed, placeOf },
      context,
      () => [events],
      () => (stream, row) => {
        const place = events[stream]?.placeOf(row) ?? "";
        return { name: place, at: place };
      },
    );
  });
}

async function idsIn(
  namespace: string,
  externalIds: readonly string[],
  placeOf: (i: number) => string,
  { db, viewer }: Context,
): Promise<string[]> {
  const targets = new TargetStore(db, viewer);
  const namespaceId = await targets.namespaceId(namespace);
  if (namespaceId === null) throw notFound("namespace");
  const streams = await targets.streams(externalIds, namespaceId);
  const ids = new Map(streams.map(({ externalId, id }) => [externalId, id]));
  return externalIds.map((externalId, i) => {
    const id = ids.get(externalId);
    if (id === undefined) throw notFound(placeOf(i));
    return id;
  });
}
