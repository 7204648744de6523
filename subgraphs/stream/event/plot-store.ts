import { join, plain, sql, type Sql } from "../../../common/sql.ts";
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
 * What draws like all events: of each interval between two of the edges the first, least, greatest and last by each
 * property that is asked for; by a text the first and last. The last interval is closed.
 */
export const plotRead = (
  asked: readonly ReadSlot[],
  edges: readonly string[],
): Sql => sql`
  select count(*)::int, ${packed(plain("r.ts"))}, null::timestamptz ${packedAll(asked)}
  from (
    select e.ts ${listed(asked.map((slot) => shown(slot, stored(slot))))}
    from (select ${edges}::timestamptz[] as edges, ${edges.length - 1}::int as size) w
    cross join lateral (select distinct ts from (${join(asked.map(picked), " union all ")}) all_picked) p
    cross join lateral (select e.* from ${eventAt(plain("p.ts"))} limit 1) e
    order by e.ts
  ) r`;

function picked(slot: ReadSlot): Sql {
  const value = stored(slot);
  const isValue = sql`${value} is not null`;
  const inColumn = eventsIn(
    {
      from: plain("w.edges[k]"),
      to: plain(
        "case when k = w.size then w.edges[k + 1] else w.edges[k + 1] - interval '1 microsecond' end",
      ),
    },
    isValue,
  );
  if (slot.kind === "TEXT")
    return sql`
      select t.ts from generate_series(1, w.size) k
      cross join lateral (select min(e.ts) as first, max(e.ts) as last from ${inColumn}) c
      cross join lateral unnest(array[c.first, c.last]) t (ts)
      where t.ts is not null`;
  const first = (extreme: string) =>
    sql`(select e.ts from ${eventsIn({ from: plain("c.first"), to: plain("c.last") }, sql`${value} = ${plain(extreme)}`)} order by e.ts limit 1)`;
  return sql`
    select t.ts from generate_series(1, w.size) k
    cross join lateral (
      select min(${value}) as least, max(${value}) as greatest, min(e.ts) as first, max(e.ts) as last from ${inColumn}
    ) c
    cross join lateral unnest(array[c.first, ${first("c.least")}, ${first("c.greatest")}, c.last]) t (ts)
    where c.first is not null`;
}
