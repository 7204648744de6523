import type { Knex } from "../../../../common/database.ts";
import { isUuid, maxPageSize, type Page } from "../../../../common/page.ts";
import { join, named, plain, Sql, sql } from "../../../../common/sql.ts";
import { lastEventOf, lastWay } from "../../event/single-store.ts";
import { tagsFrom } from "../input.ts";
import { allOfStreams, type Select, type selectStreams } from "../store.ts";
import { conditionOfSearch, rankOf } from "./condition.ts";
import type { Stretch } from "./order-store.ts";
import type { Expression } from "./syntax.ts";

/** By what a list of streams can be narrowed. */
export interface Selection {
  search?: string | null;
  tenantIds?: readonly string[] | null;
  tags?: readonly string[] | null;
}

/** How much of its streams a list shows: what it is ordered by, or all; with their last events little more, or all. */
export type Shown = "NAMES" | "FEW_WITH_LAST" | "ALL" | "ALL_WITH_LAST";

/** Of lists that show each stream in one community, or as an own one; only those by name bring it along. */
export function shownOf(
  shown: Shown,
  { isNamed, viewer }: { isNamed: boolean; viewer: string | null },
): Select {
  switch (shown) {
    case "NAMES":
      return isNamed ? names : allOfStreams;
    case "FEW_WITH_LAST":
      return withLast(isNamed ? few : allOfStreams, viewer);
    case "ALL":
      return allOfStreams;
    case "ALL_WITH_LAST":
      return withLast(allOfStreams, viewer);
  }
}

/** Nothing is fetched for them that is not in the list. */
const names: Select = {
  columns: plain(named({ id: "g.uuid", name: "g.name" })),
  joined: "",
};

/** What the gate tells of them, their names and tenants, which is what most pages show: without their types. */
const few: Select = {
  columns: plain(
    named({
      id: "g.uuid",
      rowId: "g.id",
      name: "g.name",
      tenantId: "t.uuid",
      tenantRowId: "g.tenant_id",
      typeRowId: "s.type_id",
      isOwn: "g.is_own",
      rights: "g.rights",
    }),
  ),
  joined: `join stream.streams s on s.tenant_id = g.tenant_id and s.id = g.id
       join tenant.published_tenants t on t.id = s.tenant_id`,
};

const withLast = (
  { columns, joined }: Select,
  viewer: string | null,
): Select => ({
  columns: sql`${columns}, ${lastEventInList} as last, ${new Sql(lastWay, [viewer])} as "lastWay"`,
  joined,
});

const lastEventInList = plain(lastEventOf("s"));

export const withRank =
  (
    select: typeof selectStreams,
    expression: Expression | null,
    name: "s.name" | "g.name",
  ): typeof selectStreams =>
  (db, gate, bindings) => {
    const rank = rankOf(expression, plain(name));
    return select(db, gate, bindings).select(
      db.raw(`${rank.text} as rank`, rank.bindings as Knex.RawBinding[]),
    );
  };

/** All that the gate's table has of streams by name, and nothing that is shown of them. */
export const selectGate: typeof selectStreams = (db, gate, bindings) =>
  db.select("g.*").from(db.raw(`${gate} g`, bindings));

/**
 * Of a list by name as much as a page takes; what is shown of its streams is joined afterwards. How much that is at most
 * is written out, for PostgreSQL plans the statement before it knows the page, and would take it for much of the list.
 */
export const stretchOf = (
  db: Knex,
  page: Stretch,
  list: Sql,
): Knex.QueryBuilder =>
  db
    .select("g.*")
    .from(
      inStretch(db, page, list)
        .limit(Math.max(page.size, maxPageSize) + 1, { skipBinding: true })
        .as("g"),
    )
    .limit(page.size + 1);

/** A page of a list likewise, as SQL. */
export const pageOf = (page: Page, list: Sql): Sql => {
  const { columns, most } = inPage;
  return sql`select g.* from (${page.selectFrom({ columns, from: sql`${list} g`, where: plain("true") }, most)}) g
    limit ${page.limit}`;
};

const stretchColumns =
  "g.community_id, g.tenant_id, g.id, g.uuid, g.name, g.is_own, g.rights";

const inPage = {
  columns: plain(stretchColumns),
  most: plain(String(maxPageSize + 1)),
};

const inStretch = (db: Knex, page: Stretch, { text, bindings }: Sql) =>
  page.select(
    db
      .select(db.raw(stretchColumns))
      .from(db.raw(`${text} g`, bindings as Knex.RawBinding[])),
  );

/** Streams that bring their rank along, as `g`. */
export const ranked = (
  db: Knex,
  streams: Knex.QueryBuilder,
): Knex.QueryBuilder => db.select("g.*").from(streams.as("g"));

/** Of these communities those in which the viewer takes part, and how, as `parent` with its row's id and its id as key. */
export const communitiesOf = (
  viewer: string | null,
  communityIds: readonly string[],
): Sql => sql`
  (select c.id, c.uuid as key, p.*
   from community.published_communities c
   cross join lateral stream.participation(${viewer}, c.id) p
   where c.uuid = any (${communityIds}::uuid[])) as parent`;

/** Whether a list is narrowed by more than a search. */
export const isNarrowed = ({ tenantIds, tags }: Selection): boolean =>
  tenantIds != null || (tags?.length ?? 0) > 0;

/** Every condition is always there, if only to be left open, so that few texts of the statement are there to prepare. */
export function conditionOf(
  { tenantIds, tags }: Selection,
  expression: Expression | null,
): Sql {
  const tenants = tenantIds?.filter(isUuid) ?? null;
  return join(
    [
      sql`(${conditionOfSearch(expression)})`,
      sql`(${tenants === null} or t.uuid = any (${tenants ?? []}::uuid[]))`,
      sql`(${!tags?.length} or s.tags @> ${tagsFrom(tags ?? [], "tags")}::text[])`,
    ],
    " and ",
  );
}

export const where = (query: Knex.QueryBuilder, { text, bindings }: Sql) =>
  query.whereRaw(text, bindings as Knex.RawBinding[]);
