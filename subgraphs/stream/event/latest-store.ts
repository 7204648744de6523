import type { Knex } from "../../../common/database.ts";
import { keysOf, type StreamKey } from "./claim-store.ts";

/**
 * Where the events of streams begin and end after some were removed, whose claimed rows still tell of before. A stream
 * without events has no row, as before its first write.
 */
export async function keepLatest(
  transaction: Knex.Transaction,
  streams: readonly StreamKey[],
): Promise<void> {
  const ofStream =
    "e.tenant_id = l.tenant_id and e.stream_id = l.stream_id and e.ts between l.first_ts and l.ts";
  const ofCall =
    "(l.tenant_id, l.stream_id) in (select * from unnest(?::int[], ?::int[]))";
  await transaction.raw(
    `delete from stream.latest l where ${ofCall} and not exists (select from stream.events e where ${ofStream} offset 0)`,
    keysOf(streams),
  );
  await transaction.raw(
    `update stream.latest u
         set first_ts = f.ts, ts = e.ts, value = e.value, numbers = e.numbers, texts = e.texts
       from stream.latest l
       cross join lateral (select e.ts from stream.events e where ${ofStream} order by e.ts limit 1) f
       cross join lateral (select e.* from stream.events e where ${ofStream} order by e.ts desc limit 1) e
       where ${ofCall} and u.tenant_id = l.tenant_id and u.stream_id = l.stream_id`,
    keysOf(streams),
  );
}
