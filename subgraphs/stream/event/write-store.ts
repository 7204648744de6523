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
    if (addsEvents) await this.keepLatest(events);
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
          for (const table of ["stream.events", "stream.latest"])
            await this.update(table, changes, streams);
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
    table: string,
    changes: string,
    streams: readonly EventColumns[],
  ): Promise<void> {
    await this.transaction.raw(
      `update ${table} e set ${changes} from pg_temp.incoming i
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

  /** With what was sent: to look for it among the events, a statement would be planned for all months each time. */
  private async keepLatest(streams: readonly EventColumns[]): Promise<void> {
    await this.transaction
      .raw(
        `update stream.latest l
         set first_ts = least(l.first_ts, u.first_ts), ts = greatest(l.ts, u.ts),
             value = case when u.ts >= l.ts then u.value else l.value end,
             numbers = case when u.ts >= l.ts then u.numbers else l.numbers end,
             texts = case when u.ts >= l.ts then u.texts else l.texts end
         from jsonb_to_recordset(?::jsonb)
           u (tenant_id int, stream_id int, first_ts timestamptz, ts timestamptz, value float8, numbers float8[], texts text[])
         where l.tenant_id = u.tenant_id and l.stream_id = u.stream_id and (u.first_ts < l.first_ts or u.ts >= l.ts)`,
        [JSON.stringify(streams.map(reachOf))],
      )
      .options({ name: "keep_latest" });
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

/** From when to when events of a stream are written, and what the last of them holds. */
function reachOf(stream: EventColumns) {
  const { value, numbers, texts, order } = stream;
  const last = order.at(-1) ?? -1;
  const valuesIn = <Value>(columns: readonly (readonly Value[] | null)[]) =>
    columns.length > 0 ? columns.map((column) => column?.[last] ?? null) : null;
  return {
    tenant_id: stream.tenantRowId,
    stream_id: stream.streamRowId,
    first_ts: dateTimeOf(timeOf(stream, order[0] ?? -1)),
    ts: dateTimeOf(timeOf(stream, last)),
    value: value?.[last] ?? null,
    numbers: valuesIn(numbers),
    texts: valuesIn(texts),
  };
}
