import type { Knex } from "../../../common/database.ts";
import { dateTimeOf, microsOf } from "../../../common/date-time.ts";
import type { EventKey, Removal } from "./asked.ts";
import { claimStreams, keysOf, type StreamKey } from "./claim-store.ts";
import type { Extent } from "./changed.ts";
import { keepLatest } from "./latest-store.ts";

/** Removes events, and keeps `latest` with them. */
export class EventRemovalStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /** As writing does: nobody else changes the events of these streams until the transaction ends. */
  async claim(streams: readonly StreamKey[]): Promise<void> {
    await claimStreams(this.transaction, streams);
  }

  /** The first of the timestamps, in their order, that has no event. */
  async firstMissing(removals: readonly Removal[]): Promise<EventKey | null> {
    const each = timesOf(removals);
    const { rows } = await this.transaction.raw<{ rows: { place: number }[] }>(
      `select r.place::int from unnest(?::int[], ?::int[], ?::timestamptz[]) with ordinality r (tenant_id, stream_id, ts, place)
       join stream.streams s on s.tenant_id = r.tenant_id and s.id = r.stream_id
       where r.ts < now() - s.retention
          or not exists (select from stream.events e
                         where e.tenant_id = r.tenant_id and e.stream_id = r.stream_id and e.ts = r.ts offset 0)
       order by r.place limit 1`,
      [...keysOf(each), each.map(({ timestamp }) => dateTimeOf(timestamp))],
    );
    const [missing] = rows;
    return missing ? (each[missing.place - 1] ?? null) : null;
  }

  /** How many events lie in the windows; it counts no further than `most`. */
  async countWithin(
    removals: readonly Removal[],
    most: number,
  ): Promise<number> {
    const { rows } = await this.transaction.raw<{ rows: { count: number }[] }>(
      `select count(*)::int as count
       from (select from ${windows} join stream.events e on ${inWindow} limit ?) within_windows`,
      [...boundsOf(windowsOf(removals)), most],
    );
    return rows[0]?.count ?? 0;
  }

  /** Answers what was removed of each stream that had any of it. */
  async remove(removals: readonly Removal[]): Promise<Extent[]> {
    const removed = [
      ...(await this.removeAt(removals)),
      ...(await this.removeWithin(removals)),
    ];
    await keepLatest(this.transaction, removals);
    return removed;
  }

  private async removeAt(removals: readonly Removal[]): Promise<Extent[]> {
    const each = timesOf(removals);
    if (each.length === 0) return [];
    return this.removed(
      `unnest(?::int[], ?::int[], ?::timestamptz[]) r (tenant_id, stream_id, ts)
       where e.tenant_id = r.tenant_id and e.stream_id = r.stream_id and e.ts = r.ts`,
      [...keysOf(each), each.map(({ timestamp }) => dateTimeOf(timestamp))],
    );
  }

  private async removeWithin(removals: readonly Removal[]): Promise<Extent[]> {
    const each = windowsOf(removals);
    return each.length === 0
      ? []
      : this.removed(`${windows} where ${inWindow}`, boundsOf(each));
  }

  private async removed(
    those: string,
    bindings: Knex.RawBinding[],
  ): Promise<Extent[]> {
    const { rows } = await this.transaction.raw<{
      rows: {
        streamRowId: number;
        from: string;
        to: string;
        count: number;
      }[];
    }>(
      `with removed as (delete from stream.events e using ${those} returning e.stream_id, e.ts)
       select stream_id as "streamRowId", min(ts) as "from", max(ts) as "to", count(*)::int as count
       from removed group by 1`,
      bindings,
    );
    return rows.map(({ from, to, ...row }) => ({
      ...row,
      from: microsOf(from),
      to: microsOf(to),
    }));
  }
}

const windows = `
  unnest(?::int[], ?::int[], ?::timestamptz[], ?::timestamptz[]) r (tenant_id, stream_id, "from", "to")
  join stream.streams s on s.tenant_id = r.tenant_id and s.id = r.stream_id`;
/** What is beyond retention is not there any more. */
const inWindow = `
  e.tenant_id = r.tenant_id and e.stream_id = r.stream_id
  and e.ts between greatest(r."from", now() - s.retention) and r."to"`;

const windowsOf = (removals: readonly Removal[]) =>
  removals.flatMap(({ window, ...removal }) =>
    window ? [{ ...removal, window }] : [],
  );

const boundsOf = (each: ReturnType<typeof windowsOf>): Knex.RawBinding[] => [
  ...keysOf(each),
  each.map(({ window }) => dateTimeOf(window.from)),
  each.map(({ window }) => dateTimeOf(window.to)),
];

const timesOf = (removals: readonly Removal[]) =>
  removals.flatMap(({ tenantRowId, streamRowId, timestamps }) =>
    (timestamps ?? []).map((timestamp) => ({
      tenantRowId,
      streamRowId,
      timestamp,
    })),
  );
