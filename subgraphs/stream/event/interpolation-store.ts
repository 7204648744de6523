import { nothing, plain, sql, type Sql } from "../../../common/sql.ts";
import type { Packing } from "./packing-store.ts";
import {
  endIn,
  eventAt,
  listed,
  packedAll,
  shown,
  stored,
  type Filter,
} from "./read-store.ts";
import type { ReadSlot } from "./shape.ts";
import { arrayOf } from "./times.ts";

/** Events at these times: the stored one, or one computed from its neighbours p and n. */
export const interpolationRead = (
  slots: readonly ReadSlot[],
  asked: readonly ReadSlot[],
  times: readonly string[],
  packing: Packing<unknown>,
): Sql => sql`
  select count(*)::int, ${packing.pack("TIMESTAMP", plain("r.ts"))}, null::timestamptz
         ${packedAll(asked, (column, { kind }) => packing.pack(kind, column))}
  from (${computedAt(slots, asked, listedTimes(times), null)}) r`;

/** Times a, with their places. */
export const listedTimes = (times: readonly string[]): Sql =>
  sql`unnest(${arrayOf(times)}::timestamptz[]) with ordinality a (ts, place)`;

/**
 * One event or none for each time a, in the order of the times. A stream whose properties are all DISCRETE has none but
 * stored ones; nor has one outside of its events, unless its extrapolation says so.
 */
export function computedAt(
  slots: readonly ReadSlot[],
  asked: readonly ReadSlot[],
  times: Sql,
  filter: Filter | null,
  which: "all" | "only computed" = "all",
): Sql {
  const isComputed = slots.some(
    ({ interpolation }) => interpolation !== "DISCRETE",
  );
  const outside = sql`(p.ts is null and s.extrapolation in ('BACKWARD', 'BOTH')
    or n.ts is null and s.extrapolation in ('FORWARD', 'BOTH'))`;
  const between = sql`p.ts < n.ts or ${outside} and (p.ts is not null or n.ts is not null)`;
  const kept = isComputed ? between : plain("false");
  const exact = which === "all" ? sql`p.ts = n.ts or` : nothing;
  return sql`
    select a.ts ${listed(asked.map((slot) => shown(slot, valueAt(slot))))}
    from ${times}
    join stream.streams s on s.tenant_id = l.tenant_id and s.id = l.stream_id
    cross join lateral (
      select ${endIn("last", { to: plain("a.ts") }, filter)} as before, ${endIn("first", { from: plain("a.ts") }, filter)} as after
      offset 0
    ) t
    left join lateral (select e.* from ${eventAt(plain("t.before"))} limit 1) p on true
    left join lateral (select e.* from ${eventAt(plain("t.after"))} limit 1) n on true
    where ${exact} ${kept}
    order by a.place`;
}

/** At a.ts, where p is the last event not after it, n the first one not before it. */
function valueAt(slot: ReadSlot): Sql {
  const before = stored(slot, "p");
  const after = stored(slot, "n");
  const nearest = sql`when p.ts is null then ${after} when n.ts is null or p.ts = n.ts then ${before}`;
  switch (slot.interpolation) {
    case "DISCRETE":
      return sql`case when p.ts = n.ts then ${before} end`;
    case "STEPWISE_PREVIOUS":
      return sql`case ${nearest} else ${before} end`;
    case "STEPWISE_NEXT":
      return sql`case ${nearest} else ${after} end`;
    case "CONTINUOUS":
      return sql`case ${nearest} else ${between(slot, before, after)} end`;
  }
}

function between({ kind }: ReadSlot, before: Sql, after: Sql): Sql {
  if (kind === "BOOLEAN" || kind === "TEXT" || kind === "ENUM") return before;
  const share = plain(
    "(date_part('epoch', a.ts - p.ts) / date_part('epoch', n.ts - p.ts))",
  );
  // Of two weighted parts, for the difference of two FLOATs need not be one; that of whole numbers is exact.
  return kind === "FLOAT"
    ? sql`case when ${before} = ${after} then ${before} else ${before} * (1 - ${share}) + ${after} * ${share} end`
    : roundedHalfAway(sql`${before} + (${after} - ${before}) * ${share}`);
}

/** PostgreSQL's own rounds halves of a float8 to even numbers; to add a half first would change the greatest ones. */
const roundedHalfAway = (value: Sql): Sql =>
  sql`(select trunc(x) + case when abs(x - trunc(x)) >= 0.5 then sign(x) else 0 end from (select ${value}) x (x))`;
