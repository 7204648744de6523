import type { Knex } from "../../../common/database.ts";

/** Of one transaction, so that none holds up who writes for long. */
const maxEvents = 10_000;

/** Events of a stream in a stretch of time: from its beginning on, and before its end; null is none. */
export interface OldEvents {
  readonly tenantRowId: number;
  readonly streamRowId: number;
  readonly from: string | null;
  readonly before: string | null;
}

/** Removes the first of these events; answers the time of the first that is left of them, or null. */
export async function removeFirst(
  transaction: Knex.Transaction,
  { tenantRowId, streamRowId, from, before }: OldEvents,
): Promise<string | null> {
  const ofStream = `
    e.tenant_id = ? and e.stream_id = ? and e.ts >= coalesce(?::timestamptz, '-infinity')
    and e.ts < coalesce(?::timestamptz, 'infinity')`;
  const { rows } = await transaction.raw<{ rows: { next: string }[] }>(
    `select e.ts as next from stream.events e where ${ofStream} order by e.ts offset ? limit 1`,
    [tenantRowId, streamRowId, from, before, maxEvents],
  );
  const next = rows[0]?.next ?? null;
  await transaction.raw(`delete from stream.events e where ${ofStream}`, [
    tenantRowId,
    streamRowId,
    from,
    next ?? before,
  ]);
  return next;
}
