import { randomUUID } from "node:crypto";
import {
  isOutage,
  isPassing,
  prepared,
  type Knex,
} from "../../../common/database.ts";
import type { Logger } from "../../../common/log.ts";
import type { ReadKind } from "../generated.ts";

/**
 * How the gate let an identity into another tenant's stream: that tenant and the stream, the share, its community, and
 * the identity with its tenant. Rows all, but for the share's id.
 */
export type Way = readonly [
  tenant: number,
  stream: number,
  shareId: string,
  community: number,
  reader: readonly [identity: number, tenant: number],
];

/** What was read, and how many points were handed out. */
export interface NotedRead {
  readonly kind: ReadKind;
  /** Null where no window was asked for. */
  readonly from: string | null;
  readonly to: string | null;
  readonly points: number;
}

/** To be called whenever something of a stream's events is handed out; of an own one, to which no way leads, nothing is kept. */
export type NoteRead = (way: Way | null, read: NotedRead) => void;

/**
 * The way into a stream as a table of the gate shows it, as a column; of an own stream null. The share's id can be had
 * from elsewhere. Binds the viewer.
 */
export const wayThrough = (gate: string, shareId = `${gate}.share_id`) => `
  case when not ${gate}.is_own then json_build_array(${gate}.tenant_id, ${gate}.id, ${shareId}, ${gate}.community_id,
    (select json_build_array(i.id, i.tenant_id) from tenant.published_identities i where i.uuid = ?)) end`;

/** A kill loses what was read in this time and in that which a batch takes to write. */
const everyMs = 600;
/** So that what waited for the database to come back does not overtax it. */
const maxTogether = 10_000;

/** A read as it is kept. */
interface Kept extends NotedRead {
  readonly way: Way;
  readonly requestId: string;
  readonly at: string;
}

/**
 * Keeps who read what of other tenants' streams, beside the answers, which do not wait for it: a batch a moment, with its
 * entries in the ledgers of the sharing tenants.
 */
export class ReadRecorder {
  private waiting: Kept[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Knex,
    private readonly log: Logger,
  ) {}

  /** For one request. */
  noterOf(requestId: string): NoteRead {
    return (way, { kind, from, to, points }) => {
      if (way === null) return;
      const at = new Date().toISOString();
      this.waiting.push({ way, kind, from, to, points, requestId, at });
      this.writeSoon();
    };
  }

  /** Writes what waits; one batch after the other. */
  write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(() => this.writeAll());
    return this.writing;
  }

  private writeSoon(): void {
    this.timer ??= setTimeout(() => void this.write(), everyMs).unref();
  }

  /** Of what the database refuses, each half by itself, so that a read which it cannot keep takes no other along. */
  private async writeAll(): Promise<void> {
    let reads = this.waiting;
    this.waiting = [];
    let size = maxTogether;
    try {
      while (reads.length > 0) {
        const batch = reads.slice(0, size);
        const refusal = await this.refusalOf(batch);
        if (refusal && batch.length > 1) {
          size = Math.ceil(batch.length / 2);
          continue;
        }
        if (refusal)
          this.log.error(
            { err: refusal, read: told(batch[0] as Kept) },
            "a read was not kept",
          );
        reads = reads.slice(batch.length);
        size = Math.min(size * 2, maxTogether);
      }
    } catch (error) {
      this.log.warn({ err: error }, "Reads could not be kept yet.");
      this.waiting = [...reads, ...this.waiting];
      this.writeSoon();
    }
  }

  /** Why the database does not take a batch, if so; what passes by itself is thrown. */
  private async refusalOf(batch: readonly Kept[]): Promise<unknown> {
    try {
      await this.writeBatch(batch);
      return null;
    } catch (error) {
      if (isOutage(error) || isPassing(error)) throw error;
      return error;
    }
  }

  private async writeBatch(reads: readonly Kept[]): Promise<void> {
    const id = randomUUID();
    await prepared(
      this.db,
      this.db.raw(writeReads, [
        ...columns.map(([, , valueOf]) => arrayOf(reads.map(valueOf))),
        ...[id, id],
      ]),
    );
  }
}

/** For what reads no stream of another tenant, such as the import. */
export const unrecorded: Pick<ReadRecorder, "noterOf"> = {
  noterOf: () => () => undefined,
};

/**
 * What of a read `r` goes into the digest of its batch, by which the ledger vouches for all of them, a line each, in the
 * order of these lines.
 */
export const digested = `concat_ws(' ', r.stream_id, r.at, r.reader_tenant_id, r.reader_id, r.share_id, r.community_id,
  r.kind, coalesce(r.from_ts::text, '-'), coalesce(r.to_ts::text, '-'), r.points, r.request_id)`;

/** Of what is not made here, as an element of an array. */
const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** How a batch is handed over: an array a column, which PostgreSQL reads in half the time that objects take. */
const columns: readonly (readonly [
  name: string,
  type: string,
  valueOf: (read: Kept) => string | number | null,
])[] = [
  ["tenant_id", "int", ({ way }) => way[0]],
  ["stream_id", "int", ({ way }) => way[1]],
  ["share_id", "uuid", ({ way }) => way[2]],
  ["community_id", "int", ({ way }) => way[3]],
  ["reader_id", "int", ({ way }) => way[4][0]],
  ["reader_tenant_id", "int", ({ way }) => way[4][1]],
  ["kind", "text", ({ kind }) => kind],
  ["from_ts", "timestamptz", ({ from }) => from],
  ["to_ts", "timestamptz", ({ to }) => to],
  ["points", "bigint", ({ points }) => points],
  ["request_id", "text", ({ requestId }) => quoted(requestId)],
  ["at", "timestamptz", ({ at }) => at],
];

const told = (read: Kept) =>
  Object.fromEntries(columns.map(([name, , valueOf]) => [name, valueOf(read)]));

/** As PostgreSQL reads an array; the driver takes four times as long to write it. */
const arrayOf = (values: readonly (string | number | null)[]) =>
  `{${values.map((value) => value ?? "NULL").join(",")}}`;

/** The ledger tells who read apart by marks, for a sharer learns no more of them (rule 16). */
const writeReads = `
  with given as materialized (
    select * from unnest(${columns.map(([, type]) => `?::${type}[]`).join(", ")})
      as r(${columns.map(([name]) => name).join(", ")})
  ),
  met as materialized (
    select tenant_id, reader_id, reader_tenant_id, count(*) as reads, sum(points) as points from given group by 1, 2, 3
  ),
  readers as materialized (
    select r.*, left(n.mark, 16) as mark
    from met r
    left join (
      select n.* from (select array_agg(reader_id) as readers, array_agg(tenant_id) as sharers from met) m
      cross join lateral tenant.introduce_each(m.readers, m.sharers) n
    ) n on n.identity_id = r.reader_id and n.sharer_id = r.tenant_id
  ),
  added as (
    insert into stream.reads (tenant_id, stream_id, at, batch_id, reader_tenant_id, reader_id, reader_mark, share_id,
                              community_id, kind, from_ts, to_ts, points, request_id)
    select g.tenant_id, g.stream_id, g.at, ?, g.reader_tenant_id, g.reader_id, r.mark, g.share_id,
           g.community_id, g.kind, g.from_ts, g.to_ts, g.points, g.request_id
    from given g
    join readers r on r.tenant_id = g.tenant_id and r.reader_id = g.reader_id
  ),
  counted as (
    insert into stream.usage as u (tenant_id, day, reader_tenant_id, community_id, reads, points)
    select tenant_id, date_trunc('day', at), reader_tenant_id, community_id, count(*), sum(points)
    from given group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict on constraint usage_pkey
      do update set reads = u.reads + excluded.reads, points = u.points + excluded.points
  ),
  entries as (
    select json_build_object('kind', 'READ', 'subjectType', 'Tenant', 'subjectId', t.uuid,
             'tenantIds', json_build_array(t.uuid),
             'after', json_build_object('readers', r.readers, 'digest', d.digest)) as entry
    from (select r.tenant_id, json_agg(json_build_object(
                   'tenantId', t.uuid, 'reader', r.mark, 'reads', r.reads, 'points', r.points)) as readers
          from readers r
          join tenant.published_tenants t on t.id = r.reader_tenant_id
          group by r.tenant_id) r
    join (select r.tenant_id,
                 encode(sha256(convert_to(string_agg(r.line, E'\\n' order by r.line collate "C"), 'UTF8')), 'hex') as digest
          from (select r.tenant_id, ${digested} as line from given r) r
          group by r.tenant_id) d on d.tenant_id = r.tenant_id
    join tenant.published_tenants t on t.id = r.tenant_id
  )
  select ledger.append(null, null, ?, 'readStreams', (select json_agg(e.entry)::jsonb from entries e), '[]')`;
