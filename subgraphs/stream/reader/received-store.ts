import { prepared, type Knex } from "../../../common/database.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Access, TenantAccess } from "./tenant-access-store.ts";

const byTime: Order = {
  by: [
    { sql: "h.shared_at", type: "timestamptz" },
    { sql: "h.uuid", type: "uuid" },
  ],
};

/**
 * Who takes part in no more communities than that takes a page of each. Who does in more looks for its own among the
 * next shares of all, as many as it has communities; if it does not find enough, it finds all and sorts them, and the
 * page has cost a little more than it would have.
 */
const few = 30;
const maxLookedThrough = 500;

const columns = ["h.uuid", "h.shared_at", "h.tenant_id", "h.community_id"];

/** From when on a share `h` is open to the viewer's tenant: since then, or since that tenant came. Binds the viewer. */
const openSince = `greatest(h.shared_at, (
  select j.joined_at from community.published_joinings j
  where j.membership_id = (
    select m.id from community.published_memberships m
    where m.community_id = h.community_id
      and m.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = ?))))`;

/** Whether a share `h` lets the viewer in where it takes part as `me`; the offset has it asked one by one. Binds the viewer. */
const letsIn = `lateral (
  select from stream.given_by(?, me.reading_id, me.reading_tenant_id, me.is_reader,
                              h.tenant_id, h.stream_id, h.membership_id, h.community_id) g
  where not g.is_own offset 0) g`;

type Row = Access & { position: string[] };

/** S6: the shares of others that let one viewer in, by when they were made. */
export class ReceivedStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  async list(
    { communityId, since }: TenantAccess,
    args: PageArgs,
  ): Promise<Connection<Access>> {
    const page = new Page(args, ["received", communityId, since], byTime);
    const community =
      communityId !== null && isUuid(communityId) ? communityId : null;
    const placeCount = communityId === null ? await this.countOfPlaces() : 1;
    const all = () => this.all(communityId === null, community, since);
    const rows =
      placeCount <= few
        ? await this.read(
            page,
            this.ofEach(page, communityId === null, community, since),
          )
        : ((await this.amongNext(page, placeCount, since)) ??
          (await this.read(page, all())));
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(all().as("listed")),
      );
      return row?.count ?? 0;
    });
  }

  private read(page: Page, shares: Knex.QueryBuilder): Promise<Row[]> {
    return prepared<Row>(
      this.db,
      page.select(
        this.db
          .select({ shareId: "h.uuid", tenantId: "t.uuid" })
          .select(
            this.db.raw(`${openSince} as since`, [this.viewer.identityId]),
          )
          .from(shares.as("h"))
          .joinRaw("join tenant.published_tenants t on t.id = h.tenant_id"),
      ),
    );
  }

  private all(
    inAny: boolean,
    community: string | null,
    since: string | null,
  ): Knex.QueryBuilder {
    return this.since(
      since,
      this.db.raw(
        `stream.open_shares(?) o
         join stream.shares h on h.tenant_id = o.tenant_id and h.id = o.id
           and (? or h.community_id = (select c.id from community.published_communities c where c.uuid = ?))`,
        [this.viewer.identityId, inAny, community],
      ),
    );
  }

  /** As many as a page holds of each community in which the viewer takes part, or of one of them. */
  private ofEach(
    page: Page,
    inAny: boolean,
    community: string | null,
    since: string | null,
  ): Knex.QueryBuilder {
    const { identityId } = this.viewer;
    const direction = page.isDescending ? "desc" : "asc";
    const shares = this.since(
      since,
      this.db.raw(
        `(select h.* from stream.shares h where h.community_id = parent.community_id
          order by h.shared_at ${direction}, h.uuid ${direction}) h
         cross join ${letsIn}`,
        [identityId],
      ),
    );
    return this.db.select(columns).from(
      this.db.raw(
        `(select p.community_id from stream.participations(?) p
          where ? or p.community_id = (select c.id from community.published_communities c where c.uuid = ?)) parent
         cross join lateral stream.participation(?, parent.community_id) me
         cross join lateral ? h`,
        [identityId, inAny, community, identityId, page.select(shares)],
      ),
    );
  }

  /** The page, if it is full or all shares that come next are looked at; null if it may lack some. */
  private async amongNext(
    page: Page,
    count: number,
    since: string | null,
  ): Promise<Row[] | null> {
    const { identityId } = this.viewer;
    const next = () =>
      page
        .select(this.db.select("h.*").from("stream.shares as h"))
        .limit(count)
        .as("h");
    const rows = await this.read(
      page,
      this.since(
        since,
        this.db.raw(
          `? cross join lateral stream.participation(?, h.community_id) me cross join ${letsIn}`,
          [next(), identityId, identityId],
        ),
      ),
    );
    if (rows.length > page.size) return rows;
    const [looked] = await prepared<{ count: number }>(
      this.db,
      this.db.count("* as count").from(next()),
    );
    return looked && looked.count < count ? rows : null;
  }

  private since(since: string | null, shares: Knex.Raw): Knex.QueryBuilder {
    return this.db
      .select(columns)
      .from(shares)
      .whereRaw(`(?::timestamptz is null or ${openSince} >= ?)`, [
        since,
        this.viewer.identityId,
        since,
      ]);
  }

  /** In how many communities the viewer takes part; no more than may be looked through. */
  private async countOfPlaces(): Promise<number> {
    const [row] = await prepared<{ count: number }>(
      this.db,
      this.db.raw(
        `select count(*) as count from (select from stream.participations(?) limit ?) p`,
        [this.viewer.identityId, maxLookedThrough],
      ),
    );
    return row?.count ?? 0;
  }
}
