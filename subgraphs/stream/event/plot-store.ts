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
import { arrayOf } from "./times.ts";

/**
 * What draws like all events: of each interval between two of the edges the first, least, greatest and last by each
 * property that is asked for; by a text the first and last. The last interval is closed. Behind the columns it tells how
 * many events it went through.
 */
export const plotRead = (
  asked: readonly ReadSlot[],
  edges: readonly string[],
  maxPoints: number,
): Sql => sql`
  with recursive ${intervals(asked, edges, maxPoints, keptToDraw)}
  select count(*)::int, ${packed(plain("r.ts"))}, null::timestamptz ${packedAll(asked)}, (select max(passed)::text from intervals)
  from (${drawn(asked)}) r`;

/** By their names, what is kept of an interval's values v: its type, and how to find it. */
export type Kept = Readonly<
  Record<string, readonly [type: string, aggregate: (v: string) => string]>
>;

const ends: Kept = {
  first: ["timestamptz", (v) => `min(e.ts) filter (where ${v} is not null)`],
  last: ["timestamptz", (v) => `max(e.ts) filter (where ${v} is not null)`],
};

export const keptToDraw = ({ kind }: ReadSlot): Kept =>
  kind === "TEXT"
    ? ends
    : {
        ...ends,
        least: ["float8", (v) => `min(${v})`],
        greatest: ["float8", (v) => `max(${v})`],
      };

/**
 * The intervals i, one after the other, with what is kept of each property by its place, until more events were gone
 * through than may be: one more of them, and none after it.
 */
export function intervals(
  asked: readonly ReadSlot[],
  edges: readonly string[],
  maxPoints: number,
  keptOf: (slot: ReadSlot) => Kept,
): Sql {
  const kept = asked.flatMap((slot, i) =>
    Object.entries(keptOf(slot)).map(([name, [type, aggregate]]) => ({
      name: `${name}${i}`,
      type,
      aggregate: aggregate(`e.c${i}`),
    })),
  );
  const each = (piece: (one: (typeof kept)[number]) => string) =>
    plain(kept.map((one) => `, ${piece(one)}`).join(""));
  const inInterval = eventsIn(
    {
      from: plain("w.edges[i.k + 1]"),
      to: plain(
        "case when i.k + 1 = w.size then w.edges[i.k + 2] else w.edges[i.k + 2] - interval '1 microsecond' end",
      ),
    },
    null,
  );
  return sql`intervals as (
    select 0 as k, 0::bigint as passed ${each(({ name, type }) => `null::${type} as ${name}`)}
    union all
    select i.k + 1, i.passed + n.passed ${each(({ name }) => `n.${name}`)}
    from intervals i
    cross join (select ${arrayOf(edges)}::timestamptz[] as edges, ${edges.length - 1}::int as size) w
    cross join lateral (
      select count(*) as passed ${each(({ name, aggregate }) => `${aggregate} as ${name}`)}
      from (
        select e.ts ${listed(asked.map((slot) => stored(slot)))} from ${inInterval} limit ${maxPoints + 1} - i.passed
      ) e
    ) n
    where i.k < w.size and i.passed <= ${maxPoints}
  )`;
}

/** The events that draw these intervals, by time. */
export const drawn = (asked: readonly ReadSlot[]): Sql => sql`
  select e.ts ${listed(asked.map((slot) => shown(slot, stored(slot))))}
  from (select distinct ts from (${join(asked.map(picked), " union all ")}) all_picked) p
  cross join lateral (select e.* from ${eventAt(plain("p.ts"))} limit 1) e
  order by e.ts`;

/** The times of what draws them by one property. */
function picked(slot: ReadSlot, i: number): Sql {
  const [first, last] = [plain(`i.first${i}`), plain(`i.last${i}`)];
  const firstWith = (value: string) =>
    sql`(select e.ts from ${eventsIn({ from: first, to: last }, sql`${stored(slot)} = ${plain(value)}`)} order by e.ts limit 1)`;
  const times =
    slot.kind === "TEXT"
      ? [first, last]
      : [first, firstWith(`i.least${i}`), firstWith(`i.greatest${i}`), last];
  return sql`
    select t.ts from intervals i
    cross join lateral unnest(array[${join(times, ", ")}]) t (ts)
    where ${first} is not null`;
}
