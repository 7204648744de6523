import { join, plain, sql, type Sql } from "../../../common/sql.ts";
import type { JoinMode } from "./asked.ts";
import { computedAt } from "./interpolation-store.ts";
import type { EventPage } from "./page.ts";
import {
  eventAt,
  eventsIn,
  filteredIn,
  listed,
  packedAll,
  shown,
  stored,
  type Needs,
} from "./read-store.ts";
import type { ReadSlot } from "./shape.ts";

/** One stream of a join. */
export interface Joined {
  readonly slots: readonly ReadSlot[];
  readonly asked: readonly ReadSlot[];
}

/**
 * Events of several streams in one row for each time, the streams by their places: a page, and the row behind it. A
 * stream that has no event at a time has nulls there, or what is computed for it.
 */
export function joinRead(
  streams: readonly Joined[],
  mode: JoinMode,
  page: EventPage,
  needs: Needs,
  maxPoints: number,
): Sql {
  const columns = streams.flatMap(({ asked }, i) =>
    asked.map((_, k) => plain(`s${i}.c${k}`)),
  );
  const pack = (column: Sql) =>
    sql`coalesce(array_to_json((array_agg(${column} order by r.ts))[1:${page.size}::int])::text, '[]')`;
  return sql`
    select count(*)::int,
           ${needs.timestamps ? pack(plain("r.ts")) : plain("null")},
           ${needs.endCursor ? sql`(array_agg(r.ts order by r.ts))[least(count(*), ${page.size}::int)]` : plain("null::timestamptz")}
           ${packedAll(columns, pack)}
    from (
      select o.ts ${listed(columns)}
      from (${timesOf(streams, mode, page, maxPoints)}) o
      ${join(
        streams.map(
          (stream, i) => sql`
            left join lateral (${valuesOf(stream, i, mode)}) ${plain(`s${i}`)} on true`,
        ),
        "",
      )}
    ) r`;
}

const place = (i: number) => plain(String(i + 1));

/** The times of the rows: those at which one of the streams has an event, or all of them have one. */
function timesOf(
  streams: readonly Joined[],
  mode: JoinMode,
  { from, to, notBefore, size }: EventPage,
  maxPoints: number,
): Sql {
  const page = sql`limit ${size}::int + 1`;
  const stretch = {
    from: sql`greatest(${from}::timestamptz, ${notBefore}::timestamptz)`,
    to: sql`${to}::timestamptz`,
  };
  const timesOfOne = (i: number, events: Sql) => sql`
    select e.ts from gated l cross join lateral (select e.ts from ${events}) e where l.place = ${place(i)}`;
  if (mode !== "INNER")
    return sql`
      select ts from (${join(
        streams.map((_, i) =>
          timesOfOne(i, sql`${eventsIn(stretch, null)} order by e.ts ${page}`),
        ),
        " union all ",
      )}) each group by ts order by ts ${page}`;
  const others = streams.slice(1).map(
    (_, i) => sql`
      and exists (select from gated l cross join lateral (select from ${eventAt(plain("f.ts"))}) e
                  where l.place = ${place(i + 1)} offset 0)`,
  );
  return sql`select f.ts from (${timesOfOne(0, filteredIn(stretch, { condition: plain("true"), maxPoints }))}) f where true ${join(others, "")} order by f.ts ${page}`;
}

/** What a stream has at the time of a row o. */
function valuesOf({ slots, asked }: Joined, i: number, mode: JoinMode): Sql {
  const values = asked.map((slot) => shown(slot, stored(slot)));
  const found =
    mode === "OUTER_INTERPOLATED"
      ? computedAt(slots, asked, plain("(select o.ts, 1) a (ts, place)"), null)
      : sql`select e.ts ${listed(values)} from ${eventAt(plain("o.ts"))} limit 1`;
  return sql`select e.* from gated l cross join lateral (${found}) e where l.place = ${place(i)}`;
}
