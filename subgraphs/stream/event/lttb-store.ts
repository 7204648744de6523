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

/** Where a property has values (of one more event than may be gone through at most), as microseconds since 1970, and the values. */
export const pointsRead = (
  slot: ReadSlot,
  window: { readonly from: string; readonly to: string },
  maxPoints: number,
): Sql => sql`
  select count(*)::int, ${packed(plain("r.micros"))}, null::timestamptz, ${packed(plain("r.value"))}
  from (
    select (extract(epoch from e.ts) * 1000000)::bigint as micros, ${stored(slot)} as value
    from (select ${window.from}::timestamptz as "from", ${window.to}::timestamptz as "to") w
    cross join lateral (
      select e.* from ${eventsIn({ from: plain(`w."from"`), to: plain(`w."to"`) }, sql`${stored(slot)} is not null`)}
      limit ${maxPoints + 1}
    ) e
    order by e.ts
  ) r`;

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
