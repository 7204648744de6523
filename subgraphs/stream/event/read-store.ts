import { join, plain, sql, Sql } from "../../../common/sql.ts";
import { wayThrough } from "../usage/recorder-store.ts";
import type { Conversion, Slot } from "./shape.ts";

/**
 * The streams v among these that the gate shows to a viewer, with their places among them, and l telling where the events
 * of each are that can be read. Whatever narrows that narrows stream.reach, and so every read: a stream on which READ is
 * missing has no l, and so no events.
 */
export const gated = (
  viewer: string | null,
  /** Or the text of such an array. */
  streamIds: readonly string[] | string,
): Sql => sql`
  stream.visible(${viewer}, ${streamIds}::uuid[]) v
  left join lateral stream.reach(v.tenant_id, v.id, v.rights, v.retention) l on true`;

export const wayOf = (viewer: string | null) =>
  new Sql(wayThrough("v"), [viewer]);

/** What a viewer reads of streams: `read` is done for each that is gated. */
export const readOf = (
  viewer: string | null,
  streamIds: readonly string[],
  read: Sql,
): Sql => sql`
  select v.place, v.rights, ${wayOf(viewer)} as way, t.*
  from ${gated(viewer, streamIds)}
  cross join lateral (${read}) t`;

/** In a read by `readOf`, the community through which the gate lets the viewer in; null of an own stream. */
export const communityOf = plain(
  "(select c.uuid from community.published_communities c where c.id = v.community_id)",
);

/** What a viewer reads of streams together: `read` takes each l from `gated`, by its place from 1. */
export const joinedReadOf = (
  viewer: string | null,
  streamIds: readonly string[],
  read: Sql,
): Sql => sql`
  with gated as materialized (
    select v.place, v.rights, ${wayOf(viewer)} as way, l.tenant_id, l.stream_id, l.first_ts, l.ts
    from ${gated(viewer, streamIds)}
  )
  select (select json_object_agg(place, json_build_object('rights', rights, 'way', way)) from gated), t.* from (${read}) t`;

/** From where to where to look, both ends included; as many times as the statement likes. */
export interface Stretch {
  readonly from: Sql;
  readonly to: Sql;
}

/**
 * The stream's events e in a stretch of time, as far as they can be read and a filter keeps them. To name the time by its
 * reach too keeps the read to the partitions that it has events in.
 */
export const eventsIn = (
  { from, to }: Partial<Stretch>,
  filter: Sql | null,
): Sql => sql`stream.events e
  where e.tenant_id = l.tenant_id and e.stream_id = l.stream_id
    and e.ts >= ${from ? sql`greatest(l.first_ts, ${from})` : plain("l.first_ts")}
    and e.ts <= ${to ? sql`least(l.ts, ${to})` : plain("l.ts")}
    ${filter ? sql`and ${filter}` : plain("")}`;

/** What a read keeps of a stream's events, and how many of them it may go through to find it. */
export interface Filter {
  readonly condition: Sql;
  readonly maxPoints: number;
}

/** The events e of a stretch that a filter keeps, by time; it ends the read if it goes through more than it may. */
export const filteredIn = (
  stretch: Partial<Stretch>,
  filter: Filter | null,
  direction: "" | "desc" = "",
): Sql =>
  filter === null
    ? eventsIn(stretch, null)
    : sql`(
        select e.*, row_number() over (order by e.ts ${plain(direction)}) as passed from ${eventsIn(stretch, null)}
      ) e
      where case when e.passed > ${filter.maxPoints} then stream.refuse_points(${filter.maxPoints})
                 else ${filter.condition} end`;

/**
 * The time of the first event of a stretch that a filter keeps, or of the last; null if there is none. PostgreSQL opens
 * every month of a stretch before it knows which event comes first: without a filter, which counts what it passes, those
 * that are near are asked first.
 */
export function endIn(
  which: "first" | "last",
  stretch: Partial<Stretch>,
  filter: Filter | null,
): Sql {
  const direction = which === "first" ? "" : "desc";
  const timeIn = (part: Partial<Stretch>) =>
    sql`(select e.ts from ${filteredIn(part, filter, direction)} order by e.ts ${plain(direction)} limit 1)`;
  if (filter !== null) return timeIn(stretch);
  const near =
    which === "first"
      ? { to: sql`${stretch.from ?? plain("l.first_ts")} + ${nearby}` }
      : { from: sql`${stretch.to ?? plain("l.ts")} - ${nearby}` };
  return sql`coalesce(${timeIn({ ...stretch, ...near })}, ${timeIn(stretch)})`;
}

const nearby = plain("interval '31 days'");

/** The stream's event e at a time, if there is one to read. */
export const eventAt = (time: Sql): Sql => sql`stream.events e
  where e.tenant_id = l.tenant_id and e.stream_id = l.stream_id and e.ts = ${time}
    and e.ts between l.first_ts and l.ts`;

/** What a slot of an event holds, as it is stored; in the unit in which it is read. */
export function stored(
  { column, index, conversion }: Slot & { readonly conversion?: Conversion },
  event = "e",
): Sql {
  const value = plain(
    column === "value" ? `${event}.value` : `${event}.${column}[${index + 1}]`,
  );
  return conversion
    ? sql`(${value} * ${conversion.factor}::float8 + ${conversion.offset}::float8)`
    : value;
}

/** A value that is stored, or computed like one, as the graph shows it. */
export function shown({ kind, states }: Slot, value: Sql): Sql {
  switch (kind) {
    case "INTEGER":
      return sql`(${value})::bigint`;
    case "BOOLEAN":
      return sql`((${value}) <> 0)`;
    case "TIMESTAMP":
      // By way of an interval, for a float8 of seconds would lose microseconds.
      return sql`(timestamptz 'epoch' + (${value}) * interval '1 microsecond')`;
    case "ENUM":
      return sql`(${states}::text[])[(${value})::int + 1]`;
    case "FLOAT":
    case "TEXT":
      return value;
  }
}

/** A column of rows r, in their order, as the text of a JSON array. */
export const packed = (value: Sql): Sql =>
  sql`coalesce(array_to_json(array_agg(${value}))::text, '[]')`;

/** The columns c0, c1, ... of values. */
export const listed = (values: readonly Sql[]): Sql =>
  join(
    values.map((value, i) => sql`, ${value} as ${plain(`c${i}`)}`),
    "",
  );

export const packedAll = <Value>(
  values: readonly Value[],
  pack: (column: Sql, value: Value) => Sql = packed,
): Sql =>
  join(
    values.map((value, i) => sql`, ${pack(plain(`r.c${i}`), value)}`),
    "",
  );

/** What of a page is asked for besides its columns. */
export interface Needs {
  readonly timestamps: boolean;
  readonly endCursor: boolean;
}
