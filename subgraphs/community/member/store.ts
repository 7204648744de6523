import type { Knex } from "../../../common/database.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
import { searchWords } from "../../../common/text.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { participation, type Community } from "../community/store.ts";
import type { CommunityRole } from "../generated.ts";
import type { Membership } from "../membership/store.ts";
import type { MembershipRoles } from "./roles.ts";

/** An identity of the viewer's own tenant that takes part in a community. */
export interface CommunityMember {
  readonly identityId: string;
  readonly role: CommunityRole;
  readonly addedAt: string;
  readonly addedBy: string | null;
}

/** An identity of the caller's own tenant, and what it is in one community. */
export interface OwnIdentity {
  readonly id: string;
  readonly rowId: number;
  readonly kind: "USER" | "CLIENT";
  /** Whether it is what its tenant asks of moderators. */
  readonly mayModerate: boolean;
  /** Null for one that does not take part. */
  readonly role: CommunityRole | null;
}

export interface MemberListArgs extends PageArgs {
  search?: string | null;
}

const columns = `
  (select i.uuid from tenant.published_identities i where i.id = r.identity_id) as "identityId",
  r.role, r.added_at as "addedAt", r.added_by as "addedBy"`;

const byName: Order = {
  by: [
    { sql: "lower(r.name)", type: "text" },
    { sql: "r.identity_id", type: "int" },
  ],
};

/** Who takes part in a community: of the viewer's own tenant, and for those who take part themselves. */
export class MemberStore {
  private readonly ofMembership: NestedList<CommunityMember, MemberListArgs>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.ofMembership = new NestedList(db, {
      name: "members",
      order: byName,
      parentId: "r.membership_id",
      parents: (ids) =>
        new Sql(
          `(select me.membership_id as id, me.membership_id as key
            from ${participation("mine.id = any (?::int[])")} me where me.role is not null) as parent`,
          [viewer.identityId, [...ids]],
        ),
      rows: ({ search }) => {
        const query = db("community.members as r").select(db.raw(columns));
        for (const word of searchWords(search ?? "", "search"))
          query.whereRaw("strpos(lower(r.name), ?) > 0", [word]);
        return query;
      },
    });
  }

  /** Null unless the viewer takes part through the membership. */
  list(
    membership: Membership,
    args: MemberListArgs,
  ): Promise<Connection<CommunityMember> | null> {
    return this.ofMembership.find(membership.rowId, args);
  }

  /** Locks what the caller's tenant decided for itself. Comes after the memberships and before the identities. */
  async lockSettings(): Promise<void> {
    await this.db.raw(
      `select from tenant.lock_settings(
         array(select i.tenant_id from tenant.published_identities i where i.uuid = ?))`,
      [this.viewer.identityId],
    );
  }

  /** Locks the caller and those of these identities that are its own tenant's against changes of roles and state. */
  async lockIdentities(ids: readonly string[]): Promise<void> {
    await this.lock([], ids.filter(isUuid));
  }

  /** Like `lockIdentities`, for all who take part through these memberships; answers their keys. */
  async lockAll(membershipRowIds: readonly number[]): Promise<number[]> {
    const rows = (await this.db("community.members as r")
      .join("tenant.published_identities as i", "i.id", "r.identity_id")
      .whereRaw("r.membership_id = any (?::int[])", [[...membershipRowIds]])
      .select({
        id: "i.uuid",
        rowId: "i.id",
        tenantRowId: "i.tenant_id",
      })) as { id: string; rowId: number; tenantRowId: number }[];
    await this.lock(
      [...new Set(rows.map(({ tenantRowId }) => tenantRowId))],
      rows.map(({ id }) => id),
    );
    return rows.map(({ rowId }) => rowId);
  }

  /** Those of the ids that are identities of the caller's tenant. */
  async ownIdentities(
    community: Community,
    ids: readonly string[],
  ): Promise<Map<string, OwnIdentity>> {
    const { rows } = await this.db.raw<{ rows: OwnIdentity[] }>(
      `select i.uuid as id, i.id as "rowId", i.kind, r.role,
              exists (select from tenant.possible_moderators p where p.identity_id = i.id) as "mayModerate"
       from community.memberships m
       join tenant.published_identities i on i.tenant_id = m.tenant_id
       left join community.members r on r.membership_id = m.id and r.identity_id = i.id
       where m.id = ? and i.uuid = any (?::uuid[])`,
      [community.myMembershipRowId, ids.filter(isUuid)],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Rule 5: how many effectively hold the role that the own membership must not lose. */
  async countKeepers(community: Community): Promise<number> {
    const { rows } = await this.db.raw<{ rows: [{ count: number }] }>(
      `select count(*) from community.effective_leaders r where r.membership_id = ? and r.role = ?`,
      [
        community.myMembershipRowId,
        community.isOwn ? "ADMINISTRATOR" : "MODERATOR",
      ],
    );
    return rows[0].count;
  }

  /** Adds identities, or changes their roles; who added one, and when, stays. Answers them in the given order. */
  async set(
    membershipRowId: number,
    roles: readonly { rowId: number; role: CommunityRole }[],
    addedBy = this.viewer.identityId,
  ): Promise<CommunityMember[]> {
    const rowIds = roles.map(({ rowId }) => rowId);
    const { rows } = await this.db.raw<{ rows: CommunityMember[] }>(
      `with changed as (
         insert into community.members as r (membership_id, tenant_id, identity_id, role, added_by)
         select m.id, m.tenant_id, wanted.identity_id, wanted.role, ?::uuid
         from community.memberships m, unnest(?::int[], ?::text[]) as wanted(identity_id, role)
         where m.id = ?
         on conflict (membership_id, identity_id) do update set role = excluded.role
         returning r.*
       )
       select i.uuid as "identityId", r.role, r.added_at as "addedAt", r.added_by as "addedBy"
       from changed r
       join tenant.published_identities i on i.id = r.identity_id
       order by array_position(?::int[], i.id)`,
      [addedBy, rowIds, roles.map(({ role }) => role), membershipRowId, rowIds],
    );
    return rows;
  }

  async remove(
    membershipRowId: number,
    identityRowIds: readonly number[],
  ): Promise<void> {
    await this.db("community.members")
      .where({ membership_id: membershipRowId })
      .whereRaw("identity_id = any (?::int[])", [[...identityRowIds]])
      .delete();
  }

  /** Of every tenant, whoever asks: for the ledger, before memberships end with all their roles. */
  async rolesOf(
    membershipRowIds: readonly number[],
  ): Promise<MembershipRoles[]> {
    const { rows } = await this.db.raw<{ rows: MembershipRoles[] }>(
      `select m.uuid as "membershipId", t.uuid as "tenantId", json_object_agg(r.role, r.identities) as roles
       from (select r.membership_id, r.role, array_agg(i.uuid order by i.id) as identities
             from community.members r
             join tenant.published_identities i on i.id = r.identity_id
             where r.membership_id = any (?::int[])
             group by r.membership_id, r.role) r
       join community.memberships m on m.id = r.membership_id
       join tenant.published_tenants t on t.id = m.tenant_id
       group by m.id, t.id, t.uuid
       order by t.id`,
      [[...membershipRowIds]],
    );
    return rows;
  }

  private async lock(
    otherTenantRowIds: readonly number[],
    ids: readonly string[],
  ): Promise<void> {
    const { identityId } = this.viewer;
    await this.db.raw(
      `select from tenant.lock_identities(
         array(select i.tenant_id from tenant.published_identities i where i.uuid = ?) || ?::int[], ?::uuid[])`,
      [identityId, [...otherTenantRowIds], [identityId, ...ids] as string[]],
    );
  }
}
