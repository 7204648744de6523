import { plain, sql, type Sql } from "../../../common/sql.ts";
import {
  eventAt,
  eventsIn,
  listed,
  packed,
  packedAll,
  shown,
  stored,
} from "./read-store.ts";
import type { ReadSlot } from "./shape.ts";

/**
 * Where a property has values, as microseconds since 1970, and the values. Counts the events that it goes through, which
 * are one more than may be at most.
 */
export const pointsRead = (
  slot: ReadSlot,
  window: { readonly from: string; readonly to: string },
  maxPoints: number,
): Sql => sql`
  select count(*)::int, ${packedPoints("micros")}, null::timestamptz, ${packedPoints("value")}
  from (
    select (extract(epoch from e.ts) * 1000000)::bigint as micros, ${stored(slot)} as value
    from (select ${window.from}::timestamptz as "from", ${window.to}::timestamptz as "to") w
    cross join lateral (
      select e.* from ${eventsIn({ from: plain(`w."from"`), to: plain(`w."to"`) }, null)}
      limit ${maxPoints + 1}
    ) e
    order by e.ts
  ) r`;

const packedPoints = (column: string) =>
  plain(
    `coalesce(array_to_json(array_agg(r.${column}) filter (where r.value is not null))::text, '[]')`,
  );

/** The stored events at these times. */
export const eventsAtRead = (
  asked: readonly ReadSlot[],
  times: readonly string[],
): Sql => sql`
  select count(*)::int, ${packed(plain("r.ts"))}, null::timestamptz ${packedAll(asked)}
  from (
    select e.ts ${listed(asked.map((slot) => shown(slot, stored(slot))))}
    from unnest(${times}::timestamptz[]) a (ts)
    cross join lateral (select e.* from ${eventAt(plain("a.ts"))} limit 1) e
    order by e.ts
  ) r`;
