import { dateTimeOf, type Micros } from "../../../common/date-time.ts";
import { conflict } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { StreamContext } from "../context.ts";
import type {
  StreamEventsInput,
  WriteEventsInput,
  WriteMode,
  WriteResult,
} from "../generated.ts";
import { StreamTypeStore } from "../stream-type/store.ts";
import { StreamStore, typeOf, type Stream } from "../stream/store.ts";
import {
  assertWithinLimits,
  columnsFrom,
  placeOf,
  streamIdsOf,
  type EventColumns,
  type Target,
} from "./columns.ts";
import { EventWriteStore, type Refused } from "./write-store.ts";

export async function writeEvents(
  input: WriteEventsInput,
  context: Pick<StreamContext, "db" | "viewer" | "call">,
): Promise<WriteResult> {
  assertWithinLimits(input);
  const streamIds = streamIdsOf(input);
  return storeEvents(streamIds, input.mode, context, function* (targets) {
    yield targets.map((target, i) =>
      columnsFrom(
        input.streams[i] as StreamEventsInput,
        target,
        `input.streams.${i}`,
      ),
    );
  });
}

/** Writes events part by part in one transaction: all of them, or nothing. */
export async function storeEvents(
  streamIds: readonly string[],
  mode: WriteMode,
  { db, viewer, call }: Pick<StreamContext, "db" | "viewer" | "call">,
  partsOf: (
    targets: readonly Target[],
  ) => Iterable<EventColumns[]> | AsyncIterable<EventColumns[]>,
): Promise<WriteResult> {
  return db.transaction(async (transaction) => {
    const streams = new StreamStore(transaction, viewer);
    const requireWrite = () => streams.require("WRITE", streamIds, placeOf);
    const targets = await withProperties(
      await requireWrite(),
      new StreamTypeStore(transaction, viewer),
    );
    const events = new EventWriteStore(transaction);
    const written = new Written();
    for await (const part of partsOf(targets)) {
      const refused = await events.write(part, mode);
      if (refused) throw refusal(refused, part, targets);
      written.add(part);
    }
    // The answer that counts is asked for last: locks on identity and streams would hold up a change of access for as
    // long as the writing takes.
    const { tenantId } = await new CallerStore(transaction, viewer).lock();
    await streams.lock(streamIds);
    await requireWrite();
    const changed = written.streams(targets);
    if (changed.length > 0)
      await record(transaction, call, "writeEvents", [
        {
          kind: "EVENTS",
          subjectType: "Tenant",
          subjectId: tenantId,
          tenantIds: [tenantId],
          after: { mode, streams: changed },
        },
      ]);
    return written.result();
  });
}

async function withProperties(
  streams: readonly Stream[],
  streamTypes: StreamTypeStore,
): Promise<Target[]> {
  return Promise.all(
    streams.map(async (stream) => ({
      id: stream.id,
      rowId: stream.rowId,
      tenantRowId: stream.tenantRowId,
      properties: await streamTypes.properties(typeOf(stream)),
    })),
  );
}

/** How many events of each stream were written, and within which time. */
class Written {
  private readonly byStream = new Map<
    number,
    { from: Micros; to: Micros; count: number }
  >();

  add(part: readonly EventColumns[]): void {
    for (const { streamRowId, timestamps, order } of part) {
      const from = timestamps[order[0] ?? 0] ?? Infinity;
      const to = timestamps[order.at(-1) ?? 0] ?? -Infinity;
      const before = this.byStream.get(streamRowId) ?? { from, to, count: 0 };
      this.byStream.set(streamRowId, {
        from: Math.min(before.from, from),
        to: Math.max(before.to, to),
        count: before.count + order.length,
      });
    }
  }

  streams(targets: readonly Target[]) {
    return targets.flatMap(({ id, rowId }) => {
      const of = this.byStream.get(rowId);
      if (!of) return [];
      const window = { from: dateTimeOf(of.from), to: dateTimeOf(of.to) };
      return [{ id, window, count: of.count }];
    });
  }

  result(): WriteResult {
    const streams = [...this.byStream.values()];
    return {
      eventCount: streams.reduce((sum, { count }) => sum + count, 0),
      streamCount: streams.length,
    };
  }
}

const refusals: Record<Refused["because"], string> = {
  "already there":
    "there is an event at this time already. Write it with UPSERT, or leave it out.",
  missing:
    "there is no event at this time. Write it with UPSERT or INSERT, or leave it out.",
};

/** Names the first, in the order of the call, of the events that the mode does not take. */
function refusal(
  { because, events }: Refused,
  part: readonly EventColumns[],
  targets: readonly Target[],
): Error {
  for (const [i, { streamRowId, timestamps }] of part.entries()) {
    const times = new Set(
      events
        .filter((key) => key.streamRowId === streamRowId)
        .map(({ timestamp }) => timestamp),
    );
    const row = timestamps.findIndex((timestamp) => times.has(timestamp));
    if (row >= 0)
      return conflict(
        `Stream ${targets[i]?.id}, event ${row} (${dateTimeOf(timestamps[row] ?? 0)}): ${refusals[because]}`,
        `input.streams.${i}.timestamps.${row}`,
      );
  }
  throw new Error("An event is refused that was not written.");
}
