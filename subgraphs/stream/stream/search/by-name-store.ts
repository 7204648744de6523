import { join, nothing, plain, sql, type Sql } from "../../../../common/sql.ts";
import { maxSlots, slotsOf, type Driver, type Slots } from "./driver.ts";
import type { Lead } from "./lead-store.ts";
import type { Plan } from "./word-store.ts";

export type Direction = "asc" | "desc";

/** What a list by name is of: the viewer's, in this direction, what meets the condition on s, y, t and g.is_own. */
export interface ByName {
  readonly viewer: string | null;
  readonly direction: Direction;
  readonly condition: Sql;
  /** Whether the condition has more in it than a search. */
  readonly isNarrowed: boolean;
  readonly isSearch: boolean;
}

/** Of a community. */
export interface ByNameInCommunity extends ByName {
  /** Whether it is read from its beginning, and not from a cursor. */
  readonly isFirst: boolean;
}

/**
 * What is shared in the community `parent`, where the viewer takes part as it says, in the order of an index, each share
 * looked at and asked of the gate one by one (the offsets see to it), so that a page takes no more of them than it shows.
 */
export function sharedByName(
  list: ByName,
  driver: Driver,
  { withOwn }: { withOwn: boolean },
): Sql {
  const { viewer, direction } = list;
  const slots = slotsOf(driver);
  const isOwn = plain("h.tenant_id = parent.reading_tenant_id");
  const looked = meeting(list, slots, {
    isOwn,
    isWanted: withOwn ? plain("true") : sql`not (${isOwn})`,
    holdsWord: plain(slots ? "h.word <> ''" : "true"),
  });
  return sql`(
  select h.community_id, h.tenant_id, h.stream_id as id, h.stream_uuid as uuid, h.stream_name as name, r.is_own, r.rights
  from (${slots ? sharedOf(slots, direction) : allShared(direction)}) h
  cross join lateral (${looked}) c
  cross join lateral (select g.is_own, g.rights
                      from stream.given_by(${viewer}, parent.reading_id, parent.reading_tenant_id, parent.is_reader,
                                           h.tenant_id, h.stream_id, h.membership_id, h.community_id) g
                      where c.is_met offset 0) r)`;
}

/** The viewer's own streams likewise. */
export function ownByName(list: ByName, driver: Driver): Sql {
  const { viewer, direction } = list;
  const slots = slotsOf(driver);
  return sql`(
  with me as materialized (select c.id, c.tenant_id, c.roles from stream.caller(${viewer}) c)
  select null::int as community_id, h.tenant_id, h.stream_id as id, h.stream_uuid as uuid, h.stream_name as name,
         true as is_own, r.rights
  from (${slots ? ownOf(slots, list) : allOwn(list)}) h
  cross join lateral (${meeting(list, slots, { isOwn: plain("true") })}) c
  cross join lateral (${slots ? ownRights : ownRightsByName}) r
  order by h.stream_name ${plain(direction)}, h.stream_uuid ${plain(direction)})`;
}

/** Of these streams likewise, which others may share somewhere. */
export function ledByName(list: ByName, leads: readonly Lead[]): Sql {
  const { viewer, direction } = list;
  return sql`(
  select null::int as community_id, h.tenant_id, h.stream_id as id, h.uuid, h.name, r.is_own, r.rights
  from (select * from unnest(${leads.map(({ tenantRowId }) => tenantRowId)}::int[], ${leads.map(({ rowId }) => rowId)}::int[],
                             ${leads.map(({ id }) => id)}::uuid[], ${leads.map(({ name }) => name)}::text[])
                        as h (tenant_id, stream_id, uuid, name)
        order by h.name ${plain(direction)}, h.uuid ${plain(direction)} offset 0) h
  cross join lateral (${meeting(list, null, { isOwn: plain("false") })}) c
  cross join lateral (select v.is_own, v.rights from stream.visible(${viewer}, array[h.uuid]) v
                      where c.is_met offset 0) r)`;
}

/**
 * As `sharedByName`, with what the own tenant shares there, which a search finds by all of its texts: a list, or two to
 * take a page of each from, which may find the same. What an own stream tells others leads to it among what is shared
 * there, the rest among the own words.
 */
export function foundInCommunity(list: ByNameInCommunity, plan: Plan): Sql[] {
  const own = slotsOf(plan.own);
  if (!own || !slotsOf(plan.shared))
    return [sharedByName(list, null, { withOwn: true })];
  return [
    sharedByName(list, plan.shared, { withOwn: true }),
    sql`(
  with me as materialized (select c.id, c.tenant_id, c.roles from stream.caller(${list.viewer}) c)
  select x.community_id, h.tenant_id, h.stream_id as id, h.stream_uuid as uuid, h.stream_name as name, true as is_own,
         r.rights
  from (${ownOf(own, list, list.isFirst ? firstSharedHere(list) : undefined)}) h
  cross join lateral (select x.community_id from stream.shares x
                      where x.community_id = parent.id and x.stream_name = h.stream_name and x.stream_uuid = h.stream_uuid
                        and x.membership_id = parent.reading_id offset 0) x
  cross join lateral (${meeting(list, own, { isOwn: plain("true") })}) c
  cross join lateral (select o.rights from (${ownRights}) o where o.rights & 1 = 1 offset 0) r
  order by h.stream_name ${plain(list.direction)}, h.stream_uuid ${plain(list.direction)})`,
  ];
}

/** What is known of a stream `h` before it is looked at. */
interface Candidate {
  readonly isOwn: Sql;
  readonly isWanted?: Sql;
  /** Whether a word has led to it, where words lead. */
  readonly holdsWord?: Sql;
}

/**
 * Whether a stream meets the condition. The gate, which costs more, refers to the answer so that it is asked afterwards. Of
 * a stream that holds the words which are all that is searched for the texts need not be looked at.
 */
function meeting(
  { condition, isNarrowed, isSearch }: ByName,
  slots: Slots | null,
  { isOwn, isWanted = plain("true"), holdsWord = plain("true") }: Candidate,
): Sql {
  const areWordsAll = !isNarrowed && (!isSearch || slots?.isExact === true);
  const isMet = areWordsAll ? holdsWord : plain("false");
  return sql`select true as is_met where ${isMet} and ${isWanted} and ${areWordsAll && slots ? holdsAlso(slots) : plain("true")}
      union all
      select true from (select ${isOwn} as is_own where ${isWanted} offset 0) g
      join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
      join stream.stream_types y on y.tenant_id = s.tenant_id and y.id = s.type_id
      join tenant.published_tenants t on t.id = s.tenant_id
      where not ${isMet} and ${condition}
      offset 0`;
}

/** By a look for each word into the index that has led there. */
const holdsAlso = ({ also }: Slots) =>
  also.length === 0
    ? plain("true")
    : sql`not exists (
        select from unnest(${also.map((words) => JSON.stringify(words).replace("[", "{").replace("]", "}"))}::text[]) as a (words)
        where not exists (select from stream.words w
                          where w.scope = h.scope and w.scope_id = h.scope_id and w.word = any (a.words::text[])
                            and w.name = h.stream_name and w.uuid = h.stream_uuid))`;

/** As `stream.own` has them, with who asks found once, as `me`. */
const ownRights = plain(`
  select o.rights
  from me
  join stream.streams s on s.tenant_id = me.tenant_id and s.name = h.stream_name and s.uuid = h.stream_uuid
  cross join lateral stream.rights_on(me.id, me.roles, s.tenant_id, s.id, s.access_list_id, s.owner_id) o
  where c.is_met
  offset 0`);

/** Likewise of streams that bring what the gate asks of them. */
const ownRightsByName = plain(`
  select o.rights
  from me
  cross join lateral stream.rights_on(me.id, me.roles, h.tenant_id, h.stream_id, h.access_list_id, h.owner_id) o
  where h.tenant_id = me.tenant_id and c.is_met
  offset 0`);

const allShared = (direction: Direction) =>
  plain(`select h.community_id, h.stream_name, h.stream_uuid, h.tenant_id, h.stream_id, h.membership_id
         from stream.shares h where h.community_id = parent.id
         order by h.stream_name ${direction}, h.stream_uuid ${direction}`);

const allOwn = ({ direction }: ByName) =>
  plain(`select s.tenant_id, s.name as stream_name, s.uuid as stream_uuid, s.id as stream_id, s.access_list_id, s.owner_id
         from stream.streams s where s.tenant_id = (select me.tenant_id from me)
         order by s.name ${direction}, s.uuid ${direction}`);

/** Streams that are shared widely are looked at themselves: they have a row of no word. */
const sharedOf = (found: Slots, direction: Direction) =>
  wordsIn(
    plain("w.scope = 'SHARED' and w.scope_id = parent.id"),
    { ...found, words: ["", ...found.words] },
    direction,
  );

const ownOf = (
  found: Slots,
  { direction }: ByName,
  begins?: (words: Sql) => Sql,
) =>
  wordsIn(
    plain("w.scope = 'OWN' and w.scope_id = (select me.tenant_id from me)"),
    found,
    direction,
    begins,
  );

/** Of own streams that hold a word those are passed over, by name, before which none is shared in the community `parent`. */
const firstSharedHere =
  ({ direction }: ByName) =>
  (words: Sql) => {
    const beyond = plain(direction === "asc" ? ">=" : "<=");
    const order = plain(direction);
    return sql` and (w.name, w.uuid) ${beyond} (
      select x.stream_name, x.stream_uuid from stream.shares x
      where x.community_id = parent.id and x.membership_id = parent.reading_id
        and (x.stream_name, x.stream_uuid) ${beyond} (select w.name, w.uuid from stream.words w where ${words}
                                                     order by w.name ${order}, w.uuid ${order} limit 1)
      order by x.stream_name ${order}, x.stream_uuid ${order} limit 1)`;
  };

/** Each stream that holds one of the words once, in order: the stretches of an index, merged as far as they are read. */
function wordsIn(
  scope: Sql,
  { words, others }: Slots,
  direction: Direction,
  begins: (words: Sql) => Sql = () => nothing,
): Sql {
  const order = plain(`order by w.name ${direction}, w.uuid ${direction}`);
  const rows = (word: Sql) => {
    const wanted = sql`${scope} and ${word}`;
    return sql`(select w.* from stream.words w where ${wanted}${begins(wanted)} ${order})`;
  };
  const stretches = [
    ...words.map((word) => rows(sql`w.word = ${word}::text`)),
    ...(words.length >= maxSlots
      ? [rows(sql`w.word = any (${others}::text[])`)]
      : []),
  ];
  return sql`select distinct on (w.name, w.uuid) w.scope, w.scope_id, w.scope_id as community_id, w.word, w.name as stream_name,
                    w.uuid as stream_uuid, w.tenant_id, w.stream_id, w.membership_id
             from (${join(stretches, " union all ")}) w ${order}`;
}
