import type { Knex } from "../../../common/database.ts";
import type { StreamKey } from "./claim-store.ts";
import { keepLatest } from "./latest-store.ts";
import { removeFirst } from "./old-event-store.ts";

/** Drops the months of which nothing is kept any more, each by itself; answers how many. */
export async function dropPartitions(
  db: Knex,
  signal: AbortSignal,
): Promise<number> {
  let dropped = 0;
  while (!signal.aborted && (await dropPartition(db))) dropped += 1;
  return dropped;
}

async function dropPartition(db: Knex): Promise<boolean> {
  const { rows } = await db.raw<{ rows: [{ dropped: boolean }] }>(
    "select stream.drop_partition() as dropped",
  );
  return rows[0].dropped;
}

interface Expired extends StreamKey {
  readonly from: string;
  readonly before: string;
}

/**
 * Removes events that are beyond their streams' retention now, stream by stream and bit by bit, until there are none or it
 * is to stop; answers in how many steps. Streams whose events somebody is changing are left for another time.
 */
export async function removeExpired(
  db: Knex,
  signal: AbortSignal,
): Promise<number> {
  const { rows } = await db.raw<{ rows: [{ now: string }] }>("select now()");
  const [{ now }] = rows;
  let steps = 0;
  let stream: StreamKey | null = { tenantRowId: 0, streamRowId: 0 };
  while (!signal.aborted) {
    stream = await removeSome(db, now, stream);
    if (stream === null) break;
    steps += 1;
  }
  return steps;
}

/** Answers the stream of which it removed some: this one, or the next that has any. */
const removeSome = (
  db: Knex,
  now: string,
  { tenantRowId, streamRowId }: StreamKey,
): Promise<StreamKey | null> =>
  db.transaction(async (transaction) => {
    const { rows } = await transaction.raw<{ rows: Expired[] }>(
      `select l.tenant_id as "tenantRowId", l.stream_id as "streamRowId", l.first_ts as "from", n.now - s.retention as before
       from (select ?::timestamptz as now) n
       cross join stream.streams s
       join stream.latest l on l.tenant_id = s.tenant_id and l.stream_id = s.id
       where s.retention is not null and l.first_ts < n.now - s.retention and (s.tenant_id, s.id) >= (?, ?)
       order by s.tenant_id, s.id limit 1 for update of l skip locked`,
      [now, tenantRowId, streamRowId],
    );
    const [stream] = rows;
    if (!stream) return null;
    await removeFirst(transaction, stream);
    await keepLatest(transaction, [stream]);
    return stream;
  });
