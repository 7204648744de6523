import { createHash } from "node:crypto";
import type { Knex } from "../../../common/database.ts";
import { dateTimeOf } from "../../../common/date-time.ts";
import type { EventColumns } from "./asked.ts";
import { postgresTimeOf } from "./copy-format.ts";

/**
 * The streams, by their rows, of which exactly these events are there, and no others between the first and the last: of
 * what is sent again most are. Only of events that are one number each; nobody else may change them meanwhile.
 */
export async function unchangedStreams(
  transaction: Knex.Transaction,
  streams: readonly EventColumns[],
): Promise<ReadonlySet<number>> {
  const asked = streams.flatMap((stream) => {
    const digest = digestOf(stream);
    return digest ? [{ stream, digest }] : [];
  });
  const [first] = asked;
  if (!first) return new Set();
  const { rows } = await transaction.raw<{ rows: { streamRowId: number }[] }>(
    `select u.stream_id as "streamRowId"
     from unnest(?::int[], ?::timestamptz[], ?::timestamptz[], ?::int[], ?::text[]) u (stream_id, first_ts, ts, count, digest)
     cross join lateral (
       select count(*) as count,
              sha256(string_agg(timestamptz_send(e.ts), ''::bytea) || string_agg(float8send(e.value), ''::bytea)) as digest
       from (select e.ts, e.value from stream.events e
             where e.tenant_id = ? and e.stream_id = u.stream_id and e.ts between u.first_ts and u.ts
             order by e.ts limit u.count + 1) e
     ) there
     where there.count = u.count and there.digest = decode(u.digest, 'hex')`,
    [
      asked.map(({ stream }) => stream.streamRowId),
      asked.map(({ stream }) => dateTimeOf(timeAt(stream, 0))),
      asked.map(({ stream }) => dateTimeOf(timeAt(stream, -1))),
      asked.map(({ stream }) => stream.order.length),
      asked.map(({ digest }) => digest),
      first.stream.tenantRowId,
    ],
  );
  return new Set(rows.map(({ streamRowId }) => streamRowId));
}

const timeAt = ({ timestamps, order }: EventColumns, place: number) =>
  timestamps[order.at(place) ?? -1] ?? NaN;

/** Of all times, then of all numbers, as PostgreSQL sends them; null if they are anything else. */
function digestOf({
  timestamps,
  order,
  value,
  numbers,
  texts,
}: EventColumns): string | null {
  if (!value || numbers.length > 0 || texts.length > 0) return null;
  const bytes = Buffer.alloc(16 * order.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [i, row] of order.entries()) {
    const number = value[row] ?? null;
    if (number === null) return null;
    const time = postgresTimeOf(timestamps[row] ?? 0);
    view.setInt32(8 * i, Math.floor(time / 0x1_0000_0000));
    view.setUint32(8 * i + 4, time >>> 0);
    // A zero has no sign, as it is stored.
    view.setFloat64(8 * (order.length + i), number + 0);
  }
  return createHash("sha256").update(bytes).digest("hex");
}
