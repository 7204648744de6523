import type { Knex } from "../../../../common/database.ts";
import { isUuid, maxPageSize } from "../../../../common/page.ts";
import { join, named, plain, sql, type Sql } from "../../../../common/sql.ts";
import { lastEventOf, lastWay } from "../../event/single-store.ts";
import { tagsFrom } from "../input.ts";
import { selectStreams } from "../store.ts";
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
export function selectShown(
  shown: Shown,
  { isNamed, viewer }: { isNamed: boolean; viewer: string | null },
): typeof selectStreams {
  switch (shown) {
    case "NAMES":
      return isNamed ? selectNames : selectStreams;
    case "FEW_WITH_LAST":
      return withLast(isNamed ? selectFew : selectStreams, viewer);
    case "ALL":
      return selectStreams;
    case "ALL_WITH_LAST":
      return withLast(selectStreams, viewer);
  }
}

/** Nothing is fetched for them that is not in the list. */
const selectNames: typeof selectStreams = (db, gate, bindings) =>
  db
    .select({ id: "g.uuid", name: "g.name" })
    .from(db.raw(`${gate} g`, bindings));

/** What the gate tells of them, their names and tenants, which is what most pages show: without their types. */
const few = named({
  id: "g.uuid",
  rowId: "g.id",
  name: "g.name",
  tenantId: "t.uuid",
  tenantRowId: "g.tenant_id",
  typeRowId: "s.type_id",
  isOwn: "g.is_own",
  rights: "g.rights",
});

const selectFew: typeof selectStreams = (db, gate, bindings) =>
  db
    .select(db.raw(few))
    .from(db.raw(`${gate} g`, bindings))
    .joinRaw(
      `join stream.streams s on s.tenant_id = g.tenant_id and s.id = g.id
       join tenant.published_tenants t on t.id = s.tenant_id`,
    );

const withLast =
  (select: typeof selectStreams, viewer: string | null): typeof selectStreams =>
  (db, gate, bindings) =>
    select(db, gate, bindings)
      .select(db.raw(`${lastEventOf("s")} as last`))
      .select(db.raw(`${lastWay} as "lastWay"`, [viewer]));

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

const inStretch = (db: Knex, page: Stretch, { text, bindings }: Sql) =>
  page.select(
    db
      .select(
        "g.community_id",
        "g.tenant_id",
        "g.id",
        "g.uuid",
        "g.name",
        "g.is_own",
        "g.rights",
      )
      .from(db.raw(`${text} g`, bindings as Knex.RawBinding[])),
  );

/** Streams that bring their rank along, as `g`. */
export const ranked = (
  db: Knex,
  streams: Knex.QueryBuilder,
): Knex.QueryBuilder => db.select("g.*").from(streams.as("g"));

/** Of these communities those in which the viewer takes part, and how, as `parent` with its row's id and its id as key. */
export const communitiesOf = (
  db: Knex,
  viewer: string | null,
  communityIds: readonly string[],
): Knex.Raw =>
  db.raw(
    `(select c.id, c.uuid as key, p.*
      from community.published_communities c
      cross join lateral stream.participation(?, c.id) p
      where c.uuid = any (?::uuid[])) as parent`,
    [viewer, [...communityIds]],
  );

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
