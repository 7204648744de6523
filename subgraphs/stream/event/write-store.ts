import { copyIn, type Knex } from "../../../common/database.ts";
import {
  dateTimeOf,
  microsOf,
  type Micros,
} from "../../../common/date-time.ts";
import type { EventColumns, EventKey, Refused, WriteMode } from "./asked.ts";
import { claimStreams, type Reach } from "./claim-store.ts";
import { EventCopy } from "./copy-format.ts";
import { unchangedStreams } from "./unchanged-store.ts";

const columns = "(tenant_id, stream_id, ts, value, numbers, texts)";

/** What is sent again as it was costs no new row. */
const replacing = `
  on conflict (tenant_id, stream_id, ts) do update
    set value = excluded.value, numbers = excluded.numbers, texts = excluded.texts
    where (e.value, e.numbers, e.texts) is distinct from (excluded.value, excluded.numbers, excluded.texts)`;

/** What overwrites an event e by what came in as i: all of it, or the columns that are given. */
const replaced = "value = i.value, numbers = i.numbers, texts = i.texts";
const patched = ({ value, numbers, texts }: EventColumns): string =>
  [
    ...(value ? ["value = i.value"] : []),
    ...given("numbers", numbers),
    ...given("texts", texts),
  ].join(", ");
const given = (column: string, values: readonly unknown[]): string[] =>
  values.flatMap((one, i) =>
    one ? [`${column}[${i + 1}] = i.${column}[${i + 1}]`] : [],
  );

/**
 * Writes events, and keeps `latest` with them. An event before or after all others of its stream is new
 * for certain and is copied straight in; the others go by way of a table of the session.
 */
export class EventWriteStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /** Answers the events that the mode does not take as they are; then nothing of this transaction may be kept. */
  async write(
    sent: readonly EventColumns[],
    mode: WriteMode,
  ): Promise<Refused | null> {
    const { extents, keptFrom } = await claimStreams(this.transaction, sent);
    const tooOld = sent.flatMap((stream) =>
      olderThan(keptFrom.get(stream.streamRowId) ?? -Infinity, stream),
    );
    if (tooOld.length > 0) return { because: "too old", events: tooOld };
    const events =
      mode === "UPSERT" ? await this.changing(sent, extents) : sent;
    if (events.length === 0) return null;
    const beyond = new EventCopy();
    const among = new EventCopy();
    const addsEvents = mode === "INSERT" || mode === "UPSERT";
    for (const stream of events) {
      const extent = extents.get(stream.streamRowId);
      const isBeyond = (row: number) =>
        addsEvents && !isWithin(extent, timeOf(stream, row));
      for (const row of stream.order)
        (isBeyond(row) ? beyond : among).add(stream, row);
    }
    if (beyond.count > 0) await this.copy("stream.events", beyond);
    if (among.count > 0) {
      const refused = await this.merge(events, among, mode);
      if (refused) return refused;
    }
    await this.keepLatest(events.map((stream) => grown(extents, stream)));
    return null;
  }

  /** Those of the streams that are not as they are sent. */
  private async changing(
    sent: readonly EventColumns[],
    extents: ReadonlyMap<number, Reach>,
  ): Promise<readonly EventColumns[]> {
    const unchanged = await unchangedStreams(
      this.transaction,
      sent.filter((stream) =>
        [stream.order.at(0), stream.order.at(-1)].every((row = -1) =>
          isWithin(extents.get(stream.streamRowId), timeOf(stream, row)),
        ),
      ),
    );
    return sent.filter(({ streamRowId }) => !unchanged.has(streamRowId));
  }

  private async merge(
    events: readonly EventColumns[],
    among: EventCopy,
    mode: WriteMode,
  ): Promise<Refused | null> {
    await this.transaction.raw(
      "create temp table if not exists incoming (like stream.events) on commit delete rows",
    );
    await this.copy("pg_temp.incoming", among);
    switch (mode) {
      case "INSERT": {
        const existing = await this.keysIncoming("exists");
        if (existing.length > 0)
          return { because: "already there", events: existing };
        await this.insert("");
        break;
      }
      case "UPSERT":
        await this.insertChanged(events, among.count);
        break;
      case "REPLACE":
      case "PATCH": {
        const missing = await this.keysIncoming("not exists");
        if (missing.length > 0) return { because: "missing", events: missing };
        for (const [changes, streams] of byChanges(events, mode))
          await this.update(changes, streams);
      }
    }
    // A transaction may write several times.
    await this.transaction.raw("truncate pg_temp.incoming");
    return null;
  }

  private async insert(onConflict: string): Promise<void> {
    await this.transaction.raw(
      `insert into stream.events as e ${columns} select * from pg_temp.incoming ${onConflict}`,
    );
  }

  /**
   * Most of what is sent again is as it was, and is found so for less than half of what a conflict costs. No more events are
   * looked through for it than twice those that come: what is not found is sorted out by the conflict.
   */
  private async insertChanged(
    events: readonly EventColumns[],
    count: number,
  ): Promise<void> {
    const ends = events.flatMap((stream) => [
      timeOf(stream, stream.order[0] ?? -1),
      timeOf(stream, stream.order.at(-1) ?? -1),
    ]);
    await this.transaction.raw(
      `insert into stream.events as e ${columns}
       select i.* from pg_temp.incoming i
       left join (
         select * from stream.events e
         where e.tenant_id = ? and e.stream_id = any (?::int[]) and e.ts between ? and ? limit ?
       ) there on there.stream_id = i.stream_id and there.ts = i.ts
       where there.ts is null
          or (there.value, there.numbers, there.texts) is distinct from (i.value, i.numbers, i.texts)
       ${replacing}`,
      [
        events[0]?.tenantRowId ?? null,
        events.map(({ streamRowId }) => streamRowId),
        dateTimeOf(ends.reduce((a, b) => Math.min(a, b))),
        dateTimeOf(ends.reduce((a, b) => Math.max(a, b))),
        2 * count,
      ],
    );
  }

  private async update(
    changes: string,
    streams: readonly EventColumns[],
  ): Promise<void> {
    await this.transaction.raw(
      `update stream.events e set ${changes} from pg_temp.incoming i
       where e.tenant_id = i.tenant_id and e.stream_id = i.stream_id and e.ts = i.ts and i.stream_id = any (?::int[])`,
      [streams.map(({ streamRowId }) => streamRowId)],
    );
  }

  private async keysIncoming(
    found: "exists" | "not exists",
  ): Promise<EventKey[]> {
    const { rows } = await this.transaction.raw<{
      rows: { streamRowId: number; ts: string }[];
    }>(
      `select i.stream_id as "streamRowId", i.ts from pg_temp.incoming i
       where ${found} (select from stream.events e
                       where e.tenant_id = i.tenant_id and e.stream_id = i.stream_id and e.ts = i.ts offset 0)`,
    );
    return rows.map(({ streamRowId, ts }) => ({
      streamRowId,
      timestamp: microsOf(ts),
    }));
  }

  private async copy(table: string, events: EventCopy): Promise<void> {
    const count = await copyIn(
      this.transaction,
      `copy ${table} ${columns} from stdin (format binary)`,
      events.chunks(),
    );
    // PostgreSQL takes what it is sent for any tenant's: what it has read is what was written, or nothing is kept.
    if (count !== events.count)
      throw new Error(`${count} events were read of ${events.count}.`);
  }

  private async keepLatest(
    streams: readonly ReturnType<typeof grown>[],
  ): Promise<void> {
    // Not prepared: a plan made while a month had no events would go on looking through the whole of it.
    await this.transaction.raw(
      `update stream.latest l
         set first_ts = u.first_ts, ts = e.ts, value = e.value, numbers = e.numbers, texts = e.texts
         from unnest(?::int[], ?::int[], ?::timestamptz[], ?::timestamptz[]) u (tenant_id, stream_id, first_ts, ts)
         cross join lateral (
           select * from stream.events e
           where e.tenant_id = u.tenant_id and e.stream_id = u.stream_id and e.ts = u.ts limit 1
         ) e
         where l.tenant_id = u.tenant_id and l.stream_id = u.stream_id`,
      [
        streams.map(({ tenantRowId }) => tenantRowId),
        streams.map(({ streamRowId }) => streamRowId),
        streams.map(({ first }) => dateTimeOf(first)),
        streams.map(({ last }) => dateTimeOf(last)),
      ],
    );
  }
}

const olderThan = (
  time: Micros,
  { streamRowId, timestamps, order }: EventColumns,
): EventKey[] =>
  order
    .map((row) => ({ streamRowId, timestamp: timestamps[row] ?? Infinity }))
    .filter(({ timestamp }) => timestamp < time);

const isWithin = (extent: Reach | undefined, time: Micros) =>
  extent !== undefined && time >= extent.first && time <= extent.last;

/** Streams by what is changed of their events; most calls have one kind. */
function byChanges(
  events: readonly EventColumns[],
  mode: "REPLACE" | "PATCH",
): Map<string, EventColumns[]> {
  const groups = new Map<string, EventColumns[]>();
  for (const stream of events) {
    const changes = mode === "PATCH" ? patched(stream) : replaced;
    groups.set(changes, [...(groups.get(changes) ?? []), stream]);
  }
  return groups;
}

const timeOf = ({ timestamps }: EventColumns, row: number) =>
  timestamps[row] ?? NaN;

/** How far a stream reaches with the events that are written. */
function grown(extents: ReadonlyMap<number, Reach>, stream: EventColumns) {
  const extent = extents.get(stream.streamRowId);
  const first = timeOf(stream, stream.order[0] ?? 0);
  const last = timeOf(stream, stream.order.at(-1) ?? 0);
  return {
    tenantRowId: stream.tenantRowId,
    streamRowId: stream.streamRowId,
    first: extent ? Math.min(extent.first, first) : first,
    last: extent ? Math.max(extent.last, last) : last,
  };
}
