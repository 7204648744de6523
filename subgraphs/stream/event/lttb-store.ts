import { plain, sql, type Sql } from "../../../common/sql.ts";
import { numbersIn, timesIn, type PackedCells } from "./cells.ts";
import { asCells } from "./packing-store.ts";
import {
  eventAt,
  eventsIn,
  listed,
  packed,
  packedAll,
  shown,
  stored,
} from "./read-store.ts";
import type { Rows } from "./row-store.ts";
import type { ReadSlot } from "./shape.ts";
import { arrayOf } from "./times.ts";

/**
 * The times of all events and a property's values at them, as cells, for nothing parses texts of millions. Counts the
 * events that it goes through, which are one more than may be at most.
 */
export const pointsRead = (
  slot: ReadSlot,
  window: { readonly from: string; readonly to: string },
  maxPoints: number,
): Sql => sql`
  select count(*)::int, ${asCells.pack("TIMESTAMP", plain("r.ts"))}, null::timestamptz, ${asCells.pack("FLOAT", plain("r.value"))}
  from (
    select e.ts, ${stored(slot)} as value
    from (select ${window.from}::timestamptz as "from", ${window.to}::timestamptz as "to") w
    cross join lateral (
      select e.* from ${eventsIn({ from: plain(`w."from"`), to: plain(`w."to"`) }, null)}
      limit ${maxPoints + 1}
    ) e
    order by e.ts
  ) r`;

/** Where there are values: their times, in microseconds since 1970, and the values. By hand, for they are millions. */
export function pointsIn({
  timestamps,
  columns,
}: Rows<PackedCells>): [Float64Array, Float64Array] {
  const times = timesIn(timestamps);
  const values = numbersIn(columns[0]);
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    times[count] = times[i] as number;
    values[count] = value;
    count += 1;
  }
  return [times.subarray(0, count), values.subarray(0, count)];
}

/** The stored events at these times. */
export const eventsAtRead = (
  asked: readonly ReadSlot[],
  times: readonly string[],
): Sql => sql`
  select count(*)::int, ${packed(plain("r.ts"))}, null::timestamptz ${packedAll(asked)}
  from (
    select e.ts ${listed(asked.map((slot) => shown(slot, stored(slot))))}
    from unnest(${arrayOf(times)}::timestamptz[]) a (ts)
    cross join lateral (select e.* from ${eventAt(plain("a.ts"))} limit 1) e
    order by e.ts
  ) r`;
