import { nothing, plain, sql, type Sql } from "../../../common/sql.ts";
import { computedAt, listedTimes } from "./interpolation-store.ts";
import type { Packing } from "./packing-store.ts";
import type { EventPage } from "./page.ts";
import {
  endIn,
  filteredIn,
  listed,
  packedAll,
  shown,
  stored,
  type Filter,
  type Needs,
} from "./read-store.ts";
import type { ReadSlot } from "./shape.ts";

/** Stored events: a page, and the event behind it, which tells that there is a next page and is cut off. */
export function pageRead(
  slots: readonly ReadSlot[],
  asked: readonly ReadSlot[],
  page: EventPage,
  needs: Needs,
  filter: Filter | null,
  packing: Packing<unknown>,
): Sql {
  const size = plain("q.size");
  const edges = page.reachesOut
    ? sql`select coalesce(${endIn("last", { to: plain(`q."from" - interval '1 microsecond'`) }, filter)}, q."from") as lower,
                 coalesce(${endIn("first", { from: plain(`q."to" + interval '1 microsecond'`) }, filter)}, q."to") as upper
          offset 0`
    : sql`select q."from" as lower, q."to" as upper`;
  const values = asked.map((slot) => shown(slot, stored(slot)));
  const direction = page.reversed ? "desc" : "";
  const events = sql`
    select e.ts ${listed(values)}
    from ${filteredIn(
      {
        from: plain("greatest(w.lower, q.not_before)"),
        to: plain("least(w.upper, q.not_after)"),
      },
      filter,
      direction,
    )}
    order by e.ts ${plain(direction)} limit q.size + 1`;
  return sql`
    select t.* from (
      select ${page.from}::timestamptz as "from", ${page.to}::timestamptz as "to", ${page.notBefore}::timestamptz as not_before,
             ${page.notAfter}::timestamptz as not_after, ${page.size}::int as size
    ) q
    cross join lateral (${edges}) w
    cross join lateral (
      select count(*)::int,
             ${needs.timestamps ? packing.pack("TIMESTAMP", plain("r.ts"), size) : plain("null")},
             ${needs.endCursor ? plain("(array_agg(r.ts))[least(count(*), q.size)]") : plain("null::timestamptz")}
             ${packedAll(asked, (column, { kind }) => packing.pack(kind, column, size))}
      from (${page.isCalculated ? withEnds(slots, asked, events, page, filter) : events}) r
    ) t`;
}

/** Stored events, and one computed at an end of the window that has none. */
const withEnds = (
  slots: readonly ReadSlot[],
  asked: readonly ReadSlot[],
  events: Sql,
  { from, to, reversed }: EventPage,
  filter: Filter | null,
): Sql => sql`
  select * from (
    (${events})
    union all
    select * from (${computedAt(slots, asked, listedTimes(from === to ? [from] : [from, to]), filter, "only computed")}) computed
    where computed.ts between q.not_before and q.not_after
  ) either
  order by ts ${reversed ? plain("desc") : nothing} limit q.size + 1`;
