import { randomUUID } from "node:crypto";
import { isOutage, type Knex } from "../../../common/database.ts";
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

/**
 * Keeps who read what of other tenants' streams, beside the answers, which do not wait for it: a batch a moment, with its
 * entries in the ledgers of the sharing tenants.
 */
export class ReadRecorder {
  private waiting: object[] = [];
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
      const [tenant, stream, shareId, community, [reader, readerTenant]] = way;
      this.waiting.push({
        tenant_id: tenant,
        stream_id: stream,
        share_id: shareId,
        community_id: community,
        reader_id: reader,
        reader_tenant_id: readerTenant,
        kind,
        from_ts: from,
        to_ts: to,
        points,
        request_id: requestId,
        at: new Date().toISOString(),
      });
      this.timer ??= setTimeout(() => void this.write(), everyMs).unref();
    };
  }

  /** Writes what waits; one batch after the other. */
  write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(() => this.writeBatch());
    return this.writing;
  }

  private async writeBatch(): Promise<void> {
    const batch = this.waiting;
    if (batch.length === 0) return;
    this.waiting = [];
    try {
      const id = randomUUID();
      await this.db.raw(writeReads, [JSON.stringify(batch), id, id]);
    } catch (error) {
      if (!isOutage(error)) {
        this.log.error({ err: error, count: batch.length }, "reads not kept");
        return;
      }
      this.log.warn({ err: error }, "Reads could not be kept yet.");
      this.waiting = [...batch, ...this.waiting];
      this.timer ??= setTimeout(() => void this.write(), everyMs).unref();
    }
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

/** The ledger tells who read apart by marks, for a sharer learns no more of them (rule 16). */
const writeReads = `
  with given as materialized (
    select * from json_to_recordset(?::json) as r(
      tenant_id int, stream_id int, share_id uuid, community_id int, reader_id int, reader_tenant_id int,
      kind text, from_ts timestamptz, to_ts timestamptz, points bigint, request_id text, at timestamptz)
  ),
  readers as materialized (
    select r.tenant_id, r.reader_id, r.reader_tenant_id, r.reads, r.points, left(n.mark, 16) as mark
    from (select tenant_id, reader_id, reader_tenant_id, count(*) as reads, sum(points) as points
          from given group by 1, 2, 3) r
    left join lateral tenant.introduce(r.reader_id, r.tenant_id) n on true
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
