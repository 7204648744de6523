import { join, nothing, plain, sql, type Sql } from "../../../common/sql.ts";
import type { SummaryKind } from "./asked.ts";
import type { Packing } from "./packing-store.ts";
import {
  endIn,
  eventAt,
  filteredIn,
  listed,
  packedAll,
  shown,
  stored,
  type Filter,
} from "./read-store.ts";
import type { ReadSlot } from "./shape.ts";
import { arrayOf } from "./times.ts";
import { summaryColumn, type Summarized } from "./summary.ts";

/** What PostgreSQL aggregates by itself. */
const aggregates: Partial<Record<SummaryKind, (value: Sql) => Sql>> = {
  COUNT: (value) => sql`count(${value})`,
  MINIMUM: (value) => sql`min(${value})`,
  MAXIMUM: (value) => sql`max(${value})`,
  RANGE: (value) => sql`max(${value}) - min(${value})`,
  MEAN: (value) => sql`avg(${value})`,
  TOTAL: (value) => sql`sum(${value})`,
  STANDARD_DEVIATION: (value) => sql`stddev_samp(${value})`,
  POPULATION_STANDARD_DEVIATION: (value) => sql`stddev_pop(${value})`,
  // Times of the events whose values are looked up afterwards.
  FIRST: (value) => sql`min(e.ts) filter (where ${value} is not null)`,
  LAST: (value) => sql`max(e.ts) filter (where ${value} is not null)`,
};

/**
 * One row for each interval between two of the edges, by its beginning; the last interval is closed, or open where
 * others follow it. Counts not the rows but the events that they are made of, and goes through one more of these than it
 * may at most.
 */
export function summaryRead(
  summaries: readonly Summarized[],
  edges: readonly string[],
  end: "closed" | "open",
  filter: Filter | null,
  maxPoints: number,
  packing: Packing<unknown>,
): Sql {
  const columns = summaries.map(({ slot, kind }, i) => {
    const column = plain(`b.a${i}`);
    switch (kind) {
      case "COUNT":
        return sql`coalesce(${column}, 0)`;
      case "FIRST":
      case "LAST":
        return shown(
          slot,
          sql`(select ${stored(slot)} from ${eventAt(column)} limit 1)`,
        );
      case "TIME_WEIGHTED_MEAN":
        return plain(`s${i}.mean`);
      case "PERCENT_GOOD":
        return plain(`coalesce(s${i}.percent, 0)`);
      case "MINIMUM":
      case "MAXIMUM":
      case "RANGE":
      case "TOTAL":
        return shown(slot, column);
      case "MEAN":
      case "STANDARD_DEVIATION":
      case "POPULATION_STANDARD_DEVIATION":
        return column;
    }
  });
  const joined = summaries.map(({ slot, kind }, i) => {
    if (kind === "TIME_WEIGHTED_MEAN" && slot.interpolation !== "DISCRETE")
      return ofSegments(timeWeightedMean(slot), slot, i, filter, maxPoints);
    if (kind === "TIME_WEIGHTED_MEAN")
      return sql`cross join (select null::float8 as mean) ${plain(`s${i}`)}`;
    if (kind === "PERCENT_GOOD")
      return ofSegments(percentGood, slot, i, filter, maxPoints);
    return nothing;
  });
  const aggregated = summaries.map(({ slot, kind }) =>
    (aggregates[kind] ?? (() => plain("null")))(stored(slot)),
  );
  return sql`
    select coalesce(sum(r.points), 0)::int, ${packing.pack("TIMESTAMP", plain("r.ts"))}, null::timestamptz
           ${packedAll(summaries, (column, summary) => packing.pack(summaryColumn(summary).kind, column))}
    from (
      select w.starts[k] as ts, b.points ${listed(columns)}
      from (select ${arrayOf(edges.slice(0, -1))}::timestamptz[] as starts, ${edges.length - 1}::int as size, ${edges.at(-1)}::timestamptz as until,
                   ${end === "open"}::boolean as is_open) w
      cross join lateral generate_series(1, w.size) k
      left join lateral (
        select width_bucket(e.ts, w.starts) as k, count(*) as points
               ${join(
                 aggregated.map((a, i) => sql`, ${a} as ${plain(`a${i}`)}`),
                 "",
               )}
        from (
          select e.* from ${filteredIn({ from: plain("w.starts[1]"), to: plain("case when w.is_open then w.until - interval '1 microsecond' else w.until end") }, filter)}
          limit ${maxPoints + 1}
        ) e
        group by 1
      ) b using (k)
      ${join(joined, "\n")}
      order by k
    ) r`;
}

/** Of the time from one event to the next, cut by the intervals: a to b are its ends in one of them. */
interface OfSegments {
  readonly aggregate: Sql;
  readonly isKept: Sql;
}

const seconds = (from: string, to: string) =>
  plain(`date_part('epoch', ${to} - ${from})`);

/** What lies between two events, by the time for which it does; what a neighbour's null leaves open is not counted. */
function timeWeightedMean({ interpolation }: ReadSlot): OfSegments {
  const duration = seconds("c.a", "c.b");
  const at = (time: string) =>
    sql`(g.before + (g.after - g.before) * (${seconds("g.ts", time)} / ${seconds("g.ts", "g.next")}))`;
  const mean = {
    STEPWISE_PREVIOUS: plain("g.before"),
    STEPWISE_NEXT: plain("g.after"),
    CONTINUOUS: sql`((${at("c.a")} + ${at("c.b")}) / 2)`,
    DISCRETE: plain("null"),
  }[interpolation];
  return {
    aggregate: sql`sum(${mean} * ${duration}) / sum(${duration}) filter (where ${mean} is not null) as mean`,
    isKept: plain("g.next is not null and c.a < c.b"),
  };
}

/** For how much of its time the value before it is one; of an interval without duration, at that time. */
const percentGood: OfSegments = {
  aggregate: sql`100 * case when min(c.length) > 0 then sum(${seconds("c.a", "c.b")}) filter (where g.before is not null) / min(c.length)
                            else count(g.before) end as percent`,
  isKept: plain(
    "(c.a < c.b or c.length = 0 and g.ts <= w.starts[k] and (g.next > w.starts[k] or g.next is null))",
  ),
};

const ofSegments = (
  { aggregate, isKept }: OfSegments,
  slot: ReadSlot,
  i: number,
  filter: Filter | null,
  maxPoints: number,
): Sql => sql`
  left join lateral (
    select k, ${aggregate}
    from (
      select e.ts, ${stored(slot)} as before, lead(e.ts) over o as next, lead(${stored(slot)}) over o as after
      from (
        select e.* from ${filteredIn(
          {
            from: sql`coalesce(${endIn("last", { to: plain("w.starts[1]") }, filter)}, w.starts[1])`,
            to: sql`coalesce(${endIn("first", { from: plain("w.until") }, filter)}, w.until)`,
          },
          filter,
        )}
        order by e.ts limit ${maxPoints + 2}
      ) e
      window o as (order by e.ts)
    ) g
    cross join lateral generate_series(
      greatest(width_bucket(g.ts, w.starts), 1),
      width_bucket(coalesce(g.next, 'infinity'), w.starts)
    ) k
    cross join lateral (
      select greatest(g.ts, w.starts[k]) as a, least(g.next, i.until) as b, date_part('epoch', i.until - w.starts[k]) as length
      from (select coalesce(w.starts[k + 1], w.until)) i (until)
    ) c
    where ${isKept}
    group by k
  ) ${plain(`s${i}`)} using (k)`;
