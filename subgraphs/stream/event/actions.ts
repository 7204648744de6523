import { createHash } from "node:crypto";
import type { Knex } from "../../../common/database.ts";
import { conflict } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { nameFrom } from "../../../common/text.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { StreamContext } from "../context.ts";
import type {
  RemoveEventsInput,
  StreamEventsInput,
  StreamRemovalInput,
  StreamRight,
  WriteEventsInput,
  WriteMode,
  WriteResult,
} from "../generated.ts";
import { StreamTypeStore } from "../stream-type/store.ts";
import { ownTypeOf, StreamStore, type NamedStream } from "../stream/store.ts";
import type { EventColumns } from "./asked.ts";
import { CallStore, type KeyedCall } from "./call-store.ts";
import { Changed } from "./changed.ts";
import {
  assertWithinLimits,
  columnsFrom,
  placeInInput,
  streamIdsOf,
  type Target,
} from "./columns.ts";
import { assertFewWithin, assertRemovable, removalFrom } from "./removal.ts";
import { nameInInput, refusal, type NameOf } from "./refused-events.ts";
import { eventChanges } from "./store.ts";

type Context = Pick<StreamContext, "db" | "viewer" | "call">;

export async function writeEvents(
  input: WriteEventsInput,
  context: Context,
): Promise<WriteResult> {
  assertWithinLimits(input);
  return storeEvents(
    { streamIds: streamIdsOf(input), mode: input.mode, keyed: input },
    context,
    function* (targets) {
      yield targets.map((target, i) =>
        columnsFrom(
          input.streams[i] as StreamEventsInput,
          target,
          `input.streams.${i}`,
        ),
      );
    },
  );
}

/** What is said of a writing before its events are read. */
export interface Writing {
  readonly streamIds: readonly string[];
  readonly mode: WriteMode;
  readonly keyed?: Keyed;
  /** Where a stream stands in what was sent. */
  readonly placeOf?: (stream: number) => string;
}

/** Writes events part by part in one transaction: all of them, or nothing. */
export function storeEvents<Columns extends EventColumns>(
  { streamIds, mode, keyed = {}, placeOf = placeInInput }: Writing,
  context: Context,
  partsOf: (
    targets: readonly Target[],
  ) => Iterable<Columns[]> | AsyncIterable<Columns[]>,
  namesOf: (part: readonly Columns[], targets: readonly Target[]) => NameOf = (
    _part,
    targets,
  ) => nameInInput(targets),
): Promise<WriteResult> {
  return changeEvents(
    {
      action: "writeEvents",
      right: "WRITE",
      streamIds,
      keyed,
      placeOf,
      about: { mode },
    },
    context,
    async (transaction, streams) => {
      const targets = await withProperties(
        streams,
        new StreamTypeStore(transaction, context.viewer),
      );
      const events = eventChanges(transaction);
      const written = new Changed();
      for await (const part of partsOf(targets)) {
        const refused = await events.write(part, mode);
        if (refused) throw refusal(refused, part, namesOf(part, targets));
        for (const { streamRowId, timestamps, order } of part)
          written.add({
            streamRowId,
            from: timestamps[order[0] ?? 0] ?? Infinity,
            to: timestamps[order.at(-1) ?? 0] ?? -Infinity,
            count: order.length,
          });
      }
      return written;
    },
  );
}

export async function removeEvents(
  input: RemoveEventsInput,
  context: Context,
): Promise<WriteResult> {
  assertRemovable(input);
  const streamIds = streamIdsOf(input);
  return changeEvents(
    {
      action: "removeEvents",
      right: "DELETE",
      streamIds,
      keyed: input,
      placeOf: placeInInput,
      about: {},
    },
    context,
    async (transaction, streams) => {
      const removals = streams.map((stream, i) =>
        removalFrom(
          input.streams[i] as StreamRemovalInput,
          stream,
          `input.streams.${i}`,
        ),
      );
      const events = eventChanges(transaction);
      await events.claim(removals);
      await assertFewWithin(removals, events.countWithin);
      const missing = await events.firstMissing(removals);
      if (missing)
        throw refusal(
          { because: "nothing to remove", events: [missing] },
          removals,
          nameInInput(streams),
        );
      const removed = new Changed();
      for (const extent of await events.remove(removals)) removed.add(extent);
      return removed;
    },
  );
}

/** What makes a call one that is done once: the key, and all else that it says. */
type Keyed = Pick<WriteEventsInput, "idempotencyKey"> & object;

/** Changes events of own streams in one transaction: all that is asked for, or nothing. */
async function changeEvents(
  {
    action,
    right,
    streamIds,
    keyed,
    placeOf,
    about,
  }: {
    readonly action: string;
    readonly right: StreamRight;
    readonly streamIds: readonly string[];
    readonly keyed: Keyed;
    readonly placeOf: (stream: number) => string;
    /** To the ledger, of the call as a whole. */
    readonly about: object;
  },
  { db, viewer, call }: Context,
  work: (
    transaction: Knex.Transaction,
    streams: readonly NamedStream[],
  ) => Promise<Changed>,
): Promise<WriteResult> {
  return db.transaction(async (transaction) => {
    const store = new StreamStore(transaction, viewer);
    const requireRight = () => store.requireNamed(right, streamIds, placeOf);
    const streams = await requireRight();
    const calls = new CallStore(transaction);
    const once = keyedCall(action, keyed, streams);
    if (once && !(await calls.claim(once))) {
      // It may have waited for the call that it repeats.
      await requireRight();
      return answered(calls, once);
    }
    const changed = await work(transaction, streams);
    // The answer that counts is asked for last: locks on identity and streams would hold up a change of access for as
    // long as the change takes.
    const { tenantId } = await new CallerStore(transaction, viewer).lock();
    await store.lock(streamIds);
    await requireRight();
    const told = changed.streams(streams);
    if (told.length > 0)
      await record(transaction, call, action, [
        {
          kind: "EVENTS",
          subjectType: "Tenant",
          subjectId: tenantId,
          tenantIds: [tenantId],
          after: { ...about, streams: told },
        },
      ]);
    const result = changed.result();
    if (once) await calls.keep(once, result);
    return result;
  });
}

function keyedCall(
  action: string,
  { idempotencyKey, ...asked }: Keyed,
  [stream]: readonly NamedStream[],
): KeyedCall | null {
  if (idempotencyKey == null || !stream) return null;
  return {
    tenantRowId: stream.tenantRowId,
    key: nameFrom(idempotencyKey, "input.idempotencyKey"),
    digest: createHash("sha256")
      .update(JSON.stringify([action, asked]))
      .digest(),
  };
}

async function answered(
  calls: CallStore,
  call: KeyedCall,
): Promise<WriteResult> {
  const answer = await calls.answer<WriteResult>(call);
  if (answer) return answer;
  throw conflict(
    "This key was used for another call in the last 24 hours. Take a new key for each call, and the same one only to repeat it as it was.",
    "input.idempotencyKey",
  );
}

/** Streams to write to, with what is written of their types. */
export async function withProperties(
  streams: readonly NamedStream[],
  streamTypes: StreamTypeStore,
): Promise<Target[]> {
  return Promise.all(
    streams.map(async (stream) => ({
      id: stream.id,
      rowId: stream.rowId,
      tenantRowId: stream.tenantRowId,
      properties: await streamTypes.properties(ownTypeOf(stream)),
    })),
  );
}
