import { prepared, type Knex } from "../../../common/database.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { CallerStore } from "../access/caller-store.ts";
import { seesShares } from "../share/rules.ts";
import { isOverseen, membershipIn, overseer } from "../share/store.ts";

/** What of the access across a tenant's border is asked for. */
export interface TenantAccess {
  readonly communityId: string | null;
  readonly since: string | null;
}

/** A share, and the tenant on its other side: the one that reads, or the one that shares. */
export interface Access {
  readonly shareId: string;
  readonly tenantId: string;
  readonly since: string;
}

const byTime: Order["by"] = [
  { sql: "h.shared_at", type: "timestamptz" },
  { sql: "h.uuid", type: "uuid" },
];
const byTimeAndReader: Order = {
  by: [...byTime, { sql: "r.tenant_id", type: "int" }],
  isNested: true,
};

/**
 * The own shares that are open. Of those that were made before `since` only the ones in communities to which a tenant
 * came after it. Sorted here, and each one's sharer looked up by itself (the offset sees to it), so that a page takes the
 * shares in the order of their index and does not ask for the readers of all. Binds the tenant's row, the overseer, and `since` three times.
 */
const openShares = (condition: string) => `
  (select h.tenant_id, h.uuid, h.shared_at, s.membership_id, s.community_id
   from stream.shares h
   cross join lateral (select s.membership_id, s.community_id from stream.sharers s
                       where s.membership_id = h.membership_id and s.tenant_id = h.tenant_id offset 0) s
   where h.tenant_id = ? and ${isOverseen}
     and (?::timestamptz is null or h.shared_at >= ?
       or exists (select from community.published_joinings j
                  where j.community_id = s.community_id and j.joined_at >= ?))
     and ${condition}
   order by h.shared_at, h.uuid) h`;

/** The tenants that read by a share. Binds `since` twice. */
const readingTenants = `
  (select m.tenant_id, greatest(h.shared_at, j.joined_at) as since
   from community.published_memberships m
   join community.published_joinings j on j.membership_id = m.id
   where m.community_id = h.community_id
     and (?::timestamptz is null or greatest(h.shared_at, j.joined_at) >= ?)
     and exists (select from stream.audience a
                 where a.sharing_id = h.membership_id and a.sharing_tenant_id = h.tenant_id
                   and a.community_id = h.community_id and a.membership_id = m.id)) r`;

/** T4: who reads what of the own tenant. */
export class TenantAccessStore {
  private readonly callers: CallerStore;

  constructor(
    private readonly db: Knex,
    viewer: Viewer,
  ) {
    this.callers = new CallerStore(db, viewer);
  }

  /** Null of another tenant than one's own, and unless T4 names the viewer. */
  async ofTenant(
    tenantId: string,
    {
      communityId = null,
      since = null,
    }: { communityId?: string | null; since?: string | null },
  ): Promise<TenantAccess | null> {
    const caller = await this.callers.find();
    return caller?.tenantId === tenantId && seesShares(caller)
      ? { communityId, since }
      : null;
  }

  async given(
    { communityId, since }: TenantAccess,
    args: PageArgs,
  ): Promise<Connection<Access>> {
    const caller = await this.callers.get();
    const { tenantRowId } = caller;
    const page = new Page(args, ["given", communityId, since], byTimeAndReader);
    const listed = (limited: boolean) => {
      const readers = this.db
        .select("r.*")
        .from(this.db.raw(readingTenants, [since, since]));
      const shares = this.db.raw(
        openShares(
          communityId === null ? "true" : `h.membership_id = (${membershipIn})`,
        ),
        [
          ...[tenantRowId, ...overseer(caller), since, since, since],
          ...(communityId === null
            ? []
            : [isUuid(communityId) ? communityId : null, tenantRowId]),
        ],
      );
      return this.db
        .select({ shareId: "h.uuid", tenantId: "t.uuid", since: "r.since" })
        .from(
          this.db.raw("? cross join lateral ? r", [
            shares,
            limited ? page.select(readers) : readers,
          ]),
        )
        .joinRaw("join tenant.published_tenants t on t.id = r.tenant_id");
    };
    const rows = await prepared<Access & { position: string[] }>(
      this.db,
      page.select(listed(true)),
    );
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(listed(false).as("listed")),
      );
      return row?.count ?? 0;
    });
  }
}
