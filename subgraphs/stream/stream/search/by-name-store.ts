import { join, plain, sql, type Sql } from "../../../../common/sql.ts";
import { slotsOf, type Driver, type Slots } from "./driver.ts";
import type { Plan } from "./word-store.ts";

export type Direction = "asc" | "desc";

/**
 * What is shared in the community `parent`, where the viewer takes part as it says, in the order of an index, each share
 * asked of the gate (the offset sees to it), so that a page takes no more of them than it shows.
 */
export const sharedByName = (
  viewer: string | null,
  direction: Direction,
  driver: Driver,
): Sql => {
  const slots = slotsOf(driver);
  return sql`(
  select h.community_id, h.tenant_id, h.stream_id as id, h.stream_uuid as uuid, h.stream_name as name, r.is_own, r.rights
  from (${slots ? sharedOf(slots, direction) : allShared(direction)}) h
  cross join lateral (select g.is_own, g.rights
                      from stream.given_by(${viewer}, parent.reading_id, parent.reading_tenant_id, parent.is_reader,
                                           h.tenant_id, h.stream_id, h.membership_id, h.community_id) g offset 0) r)`;
};

/** The viewer's own streams likewise. */
export const ownByName = (
  viewer: string | null,
  direction: Direction,
  driver: Driver,
): Sql => {
  const slots = slotsOf(driver);
  return sql`(
  select s.tenant_id, s.id, s.uuid, s.name, true as is_own, r.rights
  from (${slots ? ownOf(slots, direction, viewer) : allOwn(direction, viewer)}) s
  cross join lateral (select o.rights from stream.own(${viewer}) o
                      where o.tenant_id = s.tenant_id and o.id = s.id offset 0) r)`;
};

/** As `sharedByName`, of a search that finds what the own tenant shares there by all of its texts. */
export function foundInCommunity(
  viewer: string | null,
  direction: Direction,
  plan: Plan,
): Sql {
  const own = slotsOf(plan.own);
  return own && slotsOf(plan.shared)
    ? sql`(
  select * from ${sharedByName(viewer, direction, plan.shared)} h where not h.is_own
  union all
  select h.community_id, h.tenant_id, h.stream_id, h.stream_uuid, h.stream_name, true, r.rights
  from (${ownOf(own, direction, viewer)}) s
  join stream.shares h on h.tenant_id = s.tenant_id and h.stream_id = s.id and h.membership_id = parent.reading_id
  cross join lateral (select o.rights from stream.own(${viewer}) o
                      where o.tenant_id = s.tenant_id and o.id = s.id and o.rights & 1 = 1 offset 0) r)`
    : sharedByName(viewer, direction, null);
}

const allShared = (direction: Direction) =>
  plain(`select h.community_id, h.stream_name, h.stream_uuid, h.tenant_id, h.stream_id, h.membership_id
         from stream.shares h where h.community_id = parent.id
         order by h.stream_name ${direction}, h.stream_uuid ${direction}`);

const allOwn = (direction: Direction, viewer: string | null) =>
  sql`select s.tenant_id, s.name, s.uuid, s.id
      from stream.streams s where s.tenant_id = ${tenantOf(viewer)}
      order by s.name ${plain(direction)}, s.uuid ${plain(direction)}`;

const sharedOf = (found: Slots, direction: Direction) =>
  sql`select w.scope_id as community_id, w.name as stream_name, w.uuid as stream_uuid, w.tenant_id, w.stream_id,
             w.membership_id
      from (${wordsIn(plain("w.scope = 'SHARED' and w.scope_id = parent.id"), found, direction)}) w
      order by w.name ${plain(direction)}, w.uuid ${plain(direction)}`;

const ownOf = (found: Slots, direction: Direction, viewer: string | null) =>
  sql`select w.tenant_id, w.name, w.uuid, w.stream_id as id
      from (${wordsIn(sql`w.scope = 'OWN' and w.scope_id = ${tenantOf(viewer)}`, found, direction)}) w
      order by w.name ${plain(direction)}, w.uuid ${plain(direction)}`;

const tenantOf = (viewer: string | null) =>
  sql`(select i.tenant_id from tenant.published_identities i where i.uuid = ${viewer})`;

/** Each stream that holds one of the words once, in order: the stretches of an index, merged as far as they are read. */
function wordsIn(scope: Sql, { words, others }: Slots, direction: Direction) {
  const order = plain(`order by w.name ${direction}, w.uuid ${direction}`);
  const rows = (word: Sql) =>
    sql`(select w.* from stream.words w where ${scope} and ${word} ${order})`;
  const stretches = [
    ...words.map((word) => rows(sql`w.word = ${word}::text`)),
    rows(sql`w.word = any (${others}::text[])`),
  ];
  return sql`select distinct on (w.name, w.uuid) w.* from (${join(stretches, " union all ")}) w ${order}`;
}
