import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { named, plain, Sql, sql, type Rows } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { participation, type Community } from "../community/store.ts";
import type {
  CommunityRole,
  MembershipStatus,
  NewTenantsRead,
} from "../generated.ts";

/** A tenant's place in a community, as one viewer of that community sees it. */
export interface Membership {
  readonly id: string;
  readonly rowId: number;
  readonly communityId: string;
  readonly tenantId: string;
  readonly status: MembershipStatus;
  readonly isOwner: boolean;
  readonly joinedAt: string;
  readonly alias: string | null;
  readonly contactEmail: string | null;
  readonly newTenantsRead: NewTenantsRead;
  /** Whether it is the viewer's own tenant's. */
  readonly isMine: boolean;
  readonly myRole: CommunityRole | null;
}

export interface NewMembership {
  readonly alias: string | null;
  readonly contactEmail: string | null;
  readonly newTenantsRead: NewTenantsRead;
}

export type MembershipChange = Partial<NewMembership>;

interface AddedMembership {
  readonly id: string;
  readonly rowId: number;
  /** The tenants without whose approval it does not read what they share. */
  readonly askedTenantIds: readonly string[];
}

/** How many identities take part through a membership. */
interface MemberCounts {
  readonly users: number;
  readonly clients: number;
}

const columns = plain(`${named({
  id: "m.uuid",
  rowId: "m.id",
  status: "m.status",
  isOwner: "m.is_owner",
  joinedAt: "m.joined_at",
  alias: "m.alias",
  contactEmail: "m.contact_email",
  newTenantsRead: "m.new_tenants_read",
  myRole: "me.role",
})}, m.id = me.membership_id as "isMine",
  (select c.uuid from community.communities c where c.id = m.community_id) as "communityId",
  (select t.uuid from tenant.published_tenants t where t.id = m.tenant_id) as "tenantId"`);

/** By whoever takes part as `me`, which is joined. */
const ofMemberships = (me: Sql): Rows => ({
  columns,
  from: sql`community.memberships m ${me}`,
  where: plain("true"),
});

const seenByParent = plain(
  "cross join lateral (select parent.membership_id, parent.role) me",
);

/** How the viewer sees the community of a membership `m`. */
const isIn = participation("mine.community_id = m.community_id");

const ownerFirst: Order = {
  by: [
    { sql: "(not m.is_owner)::int", type: "int" },
    { sql: "m.joined_at", type: "timestamptz" },
    { sql: "m.uuid", type: "uuid" },
  ],
};

/** Memberships as one viewer sees them: all those of the communities that it sees. */
export class MembershipStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.ofCommunity = new NestedList(db, {
      name: "memberships",
      order: ownerFirst,
      parentId: "m.community_id",
      parents: (ids) =>
        new Sql(
          `(select me.community_id as id, me.community_id as key, me.membership_id, me.role
            from ${participation("mine.community_id = any (?::int[])")} me) as parent`,
          [viewer.identityId, [...ids]],
        ),
      rows: () => ofMemberships(seenByParent),
      isPrepared: true,
    });
  }

  async find(id: string): Promise<Membership | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  async findOf(
    communityId: string,
    tenantId: string,
  ): Promise<Membership | null> {
    return isUuid(tenantId)
      ? this.byTenant.load({ communityId, tenantId })
      : null;
  }

  /** Like `findOf`, for a tenant that has to be in: an argument names it, or it is the viewer's own. */
  async getOf(
    communityId: string,
    tenantId: string,
    at?: string,
  ): Promise<Membership> {
    const membership = await this.findOf(communityId, tenantId);
    if (membership === null) throw notFound(at);
    return membership;
  }

  async list(
    { rowId }: Community,
    args: PageArgs,
  ): Promise<Connection<Membership>> {
    const page = await this.ofCommunity.find(rowId, args);
    if (page === null) throw notFound();
    return page;
  }

  /** All of a community, unpaged. */
  async all(community: Community): Promise<Membership[]> {
    return prepared(
      this.db,
      sql`${this.visible(sql`m.community_id = ${community.rowId}`)} order by m.tenant_id`,
    );
  }

  counts(membership: Membership): Promise<MemberCounts> {
    return this.countsByRow.load(membership.rowId);
  }

  /**
   * Locks a community's memberships to change them: the viewer's own, that of one other tenant, or all. Answers their
   * keys. Comes after the community's lock and before the identities'.
   */
  async lock(
    communityId: string,
    whose: "MINE" | "ALL" | { tenantId: string },
  ): Promise<number[]> {
    const query = this.db("community.memberships as m")
      .select("m.id")
      .join("community.communities as c", "c.id", "m.community_id")
      .where("c.uuid", isUuid(communityId) ? communityId : null);
    if (whose === "MINE")
      query.whereRaw(
        "m.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = ?)",
        [this.viewer.identityId],
      );
    else if (whose !== "ALL")
      query.whereRaw(
        "m.tenant_id = (select t.id from tenant.published_tenants t where t.uuid = ?)",
        [isUuid(whose.tenantId) ? whose.tenantId : null],
      );
    const { rows } = await this.db.raw<{ rows: { id: number }[] }>(
      "select id from community.claim_memberships(array(?)) as id",
      [query],
    );
    return rows.map(({ id }) => id);
  }

  /** Rule 17: the tenant waits from the beginning for those who are to be asked before a new one reads. */
  async add(
    communityRowId: number,
    tenantRowId: number,
    { alias, contactEmail, newTenantsRead }: NewMembership,
  ): Promise<AddedMembership> {
    const { rows } = await this.db.raw<{ rows: [AddedMembership] }>(
      `with added as (
         insert into community.memberships (community_id, tenant_id, alias, contact_email, new_tenants_read)
         values (?, ?, ?, ?, ?)
         returning id, uuid, community_id
       ), asked as (
         select m.id, m.tenant_id, added.id as new_id
         from added
         join community.memberships m on m.community_id = added.community_id and m.new_tenants_read = 'AFTER_APPROVAL'
       ), waiting as (
         insert into community.waiting_tenants (sharing_id, waiting_id) select id, new_id from asked
       )
       select uuid as id, id as "rowId",
              array(select t.uuid from asked join tenant.published_tenants t on t.id = asked.tenant_id order by t.id)
                as "askedTenantIds"
       from added`,
      [communityRowId, tenantRowId, alias, contactEmail, newTenantsRead],
    );
    return rows[0];
  }

  async update(
    membership: Membership,
    change: MembershipChange,
  ): Promise<void> {
    const { rowId, alias, contactEmail, newTenantsRead } = {
      ...membership,
      ...change,
    };
    await this.db("community.memberships").where({ id: rowId }).update({
      alias,
      contact_email: contactEmail,
      new_tenants_read: newTenantsRead,
    });
  }

  async setStatus(
    membership: Pick<Membership, "rowId">,
    status: MembershipStatus,
  ): Promise<void> {
    await this.db("community.memberships")
      .where({ id: membership.rowId })
      .update({ status });
  }

  /** Shares and roles go with it, in the same commit. Its tenant keeps what it was told until now. */
  async remove(membership: Membership): Promise<void> {
    await this.db.raw("select ledger.end_stays(array[?::int])", [
      membership.rowId,
    ]);
    await this.db("community.memberships")
      .where({ id: membership.rowId })
      .delete();
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Membership>(
        this.db,
        this.visible(sql`m.uuid = any (${[...ids]}::uuid[])`),
      );
      return inKeyOrder(ids, rows, ({ id }) => id);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );

  private readonly byTenant = new DataLoader(
    async (wanted: readonly { communityId: string; tenantId: string }[]) => {
      const rows = await prepared<Membership>(
        this.db,
        this.visible(sql`(m.community_id, m.tenant_id) in (
             select (select c.id from community.communities c where c.uuid = wanted.community),
                    (select t.id from tenant.published_tenants t where t.uuid = wanted.tenant)
             from unnest(${wanted.map(({ communityId }) => communityId)}::uuid[],
                         ${wanted.map(({ tenantId }) => tenantId)}::uuid[]) as wanted (community, tenant))`),
      );
      const key = (of: { communityId: string; tenantId: string }) =>
        `${of.communityId} ${of.tenantId}`;
      return inKeyOrder(wanted.map(key), rows, key);
    },
    { cache: false },
  );

  private readonly countsByRow = new DataLoader(
    async (rowIds: readonly number[]) => {
      const { rows } = await this.db.raw<{
        rows: (MemberCounts & { rowId: number })[];
      }>(
        `select m.id as "rowId", n.users, n.clients
         from community.memberships m
         join ${isIn} me on true
         join community.member_counts n on n.membership_id = m.id
         where m.id = any (?::int[])`,
        [this.viewer.identityId, [...rowIds]],
      );
      return inKeyOrder(rowIds, rows, ({ rowId }) => rowId).map(
        (row) => row ?? { users: 0, clients: 0 },
      );
    },
    { cache: false },
  );

  private readonly ofCommunity: NestedList<Membership>;

  private visible(condition: Sql): Sql {
    const me = new Sql(`join ${isIn} me on true`, [this.viewer.identityId]);
    const { columns, from } = ofMemberships(me);
    return sql`select ${columns} from ${from} where ${condition}`;
  }
}
