import { prepared, type Knex } from "../../../common/database.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { nothing, plain, sql, type Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Access, TenantAccess } from "./tenant-access-store.ts";

/** By the own tenant's membership in each community, and there by when it was shared. */
const byPlaceAndTime: Order = {
  by: [
    { sql: "p.membership_id", type: "int" },
    { sql: "h.shared_at", type: "timestamptz" },
    { sql: "h.uuid", type: "uuid" },
  ],
  isNested: true,
};

/** So much news is looked through at most, or the communities are, whichever are fewer. */
const maxNews = 500;

/** S6: the shares of others that let one viewer in. */
export class ReceivedStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  async list(
    access: TenantAccess,
    args: PageArgs,
  ): Promise<Connection<Access>> {
    const { communityId, since } = access;
    const page = new Page(
      args,
      ["received", communityId, since],
      byPlaceAndTime,
    );
    const places = await this.places(access, page);
    const rows = await prepared<Access & { position: string[] }>(
      this.db,
      page.select(this.listed(places, since, page)),
    );
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db
          .count("* as count")
          .from(this.listed(places, since).as("listed")),
      );
      return row?.count ?? 0;
    });
  }

  /** Where there may be something to list; who takes part there is said by the gate. */
  private async places(
    { communityId, since }: TenantAccess,
    page: Page,
  ): Promise<Sql> {
    if (communityId !== null)
      return this.placesIn(
        sql`select c.id as community_id from community.published_communities c
            where c.uuid = ${isUuid(communityId) ? communityId : null}`,
      );
    if (since !== null && (await this.isNewsLess(since)))
      return this.placesIn(this.news(since));
    // Along an index, which is taken because the viewer's row is found apart: a page looks at no more than it needs.
    return sql`
      select j.* from community.published_members me
      join community.published_joinings j on j.membership_id = me.membership_id
      where me.identity_id = ${this.own("id")}
      order by me.membership_id ${directionOf(page)}`;
  }

  private placesIn(communities: Sql): Sql {
    return sql`
      select j.* from (select distinct community_id from (${communities}) c) c
      cross join lateral (select * from community.published_joinings j
                          where j.community_id = c.community_id and j.tenant_id = ${this.own("tenant_id")} offset 0) j`;
  }

  /** The communities in which something was shared since, or to which the own tenant came; no more than are looked through. */
  private news(since: string): Sql {
    return sql`
      (select h.community_id from stream.shares h where h.shared_at >= ${since}::timestamptz
       order by h.shared_at limit ${maxNews})
      union all
      select j.community_id from community.published_joinings j
      where j.tenant_id = ${this.own("tenant_id")} and j.joined_at >= ${since}::timestamptz`;
  }

  private async isNewsLess(since: string): Promise<boolean> {
    const { text, bindings } = sql`
      select (select count(*) from (select from (${this.news(since)}) n limit ${maxNews}) n)
           < (select count(*) from (select from community.published_members me
                                    where me.identity_id = ${this.own("id")} limit ${maxNews}) p) as "isNewsLess"`;
    const [row] = await prepared<{ isNewsLess: boolean }>(
      this.db,
      this.db.raw(text, bindings as Knex.RawBinding[]),
    );
    return row?.isNewsLess ?? false;
  }

  private own(column: "id" | "tenant_id"): Sql {
    return sql`(select i.${plain(column)} from tenant.published_identities i where i.uuid = ${this.viewer.identityId})`;
  }

  /** Of each place no more than a page holds, or all; of one without any share in question the gate is not asked. */
  private listed(
    places: Sql,
    since: string | null,
    page?: Page,
  ): Knex.QueryBuilder {
    const from = sql`(
      select p.*, coalesce(case when p.joined_at < ${since}::timestamptz then ${since}::timestamptz end, '-infinity') as wanted_from
      from (${places}) p) p
      cross join lateral (select ${shares} limit 1) found
      cross join lateral stream.participation(${this.viewer.identityId}, p.community_id) me
      cross join lateral (${this.open(page)}) h
      join tenant.published_tenants t on t.id = h.tenant_id`;
    return this.db
      .select({ shareId: "h.uuid", tenantId: "t.uuid" })
      .select(this.db.raw("greatest(h.shared_at, p.joined_at) as since"))
      .from(this.db.raw(from.text, from.bindings as Knex.RawBinding[]));
  }

  /** Those in order that are open, each asked of the gate by itself (the offset sees to it) until the page is full. */
  private open(page?: Page): Sql {
    const direction = directionOf(page);
    return sql`
      select h.uuid, h.shared_at, h.tenant_id ${shares} ${beyond(page)}
        and exists (select from stream.given_by(${this.viewer.identityId}, me.reading_id, me.reading_tenant_id, me.is_reader,
                                                h.tenant_id, h.stream_id, h.membership_id, h.community_id) g
                    where not g.is_own offset 0)
      order by h.shared_at ${direction}, h.uuid ${direction}
      ${page ? sql`limit ${page.size + 1}` : nothing}`;
  }
}

/** What others share at a place, as far as it is wanted. */
const shares = plain(`
  from stream.shares h
  where h.community_id = p.community_id and h.tenant_id <> p.tenant_id and h.shared_at >= p.wanted_from`);

const directionOf = (page?: Page) => plain(page?.isDescending ? "desc" : "asc");

/** At the place of the cursor what comes after it, as a stretch of the index; elsewhere all. */
function beyond(page?: Page): Sql {
  if (!page?.from) return nothing;
  const [place, sharedAt, id] = page.from;
  const [operator, all] = page.isDescending
    ? ["<", "infinity"]
    : [">", "-infinity"];
  return sql`and (h.shared_at, h.uuid) ${plain(operator)}
    (case when p.membership_id = ${place}::int then ${sharedAt}::timestamptz else ${all}::timestamptz end, ${id}::uuid)`;
}
