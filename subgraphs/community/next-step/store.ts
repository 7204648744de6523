import { prepared, type Knex } from "../../../common/database.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { participation, place } from "../community/store.ts";
import { maxSteps, type Openings } from "./steps.ts";

const hasEffective = (role: "ADMINISTRATOR" | "MODERATOR") => `
  exists (select from community.effective_leaders r where r.membership_id = m.id and r.role = '${role}')`;

/** In the order of an index, which is entered for one row however many wait. */
const isAwaited = `(
  select true from community.waiting_tenants w
  where w.sharing_id = m.id and w.state = 'WAITING' order by w.waiting_id limit 1)`;

/**
 * The memberships `m` that are looked at, of each kind so many: those that came last, those where somebody waits for an
 * answer, and the paused ones.
 */
const lookedAt = [
  "community.memberships m where m.tenant_id = viewer.tenant_id",
  "community.memberships m where m.tenant_id = viewer.tenant_id and m.status = 'PAUSED'",
  `community.memberships m
   where m.tenant_id = viewer.tenant_id and m.new_tenants_read = 'AFTER_APPROVAL' and ${isAwaited}`,
  `community.ownership_offers o join community.memberships m on m.id = o.membership_id
   where m.tenant_id = viewer.tenant_id and o.accepted_at is null`,
  `community.communities c
   join community.memberships m on m.community_id = c.id and m.tenant_id = c.owner_tenant_id
   where c.owner_tenant_id = viewer.tenant_id and (
     select true from community.invitations i
     where i.community_id = c.id and i.state = 'ACCEPTED' and i.expires_at > statement_timestamp() limit 1)`,
]
  .map(
    (rows) =>
      `select m.id from viewer cross join lateral (
         select m.id from ${rows}
           and (viewer.is_account_administrator
             or (select true from community.members r where r.membership_id = m.id and r.identity_id = viewer.id))
         order by m.id desc limit ${maxSteps}) m`,
  )
  .join(" union ");

/** By the kind of the step, when there is one to take. */
const openings = {
  CONFIRM_INVITATION: `
    exists (select from community.invitations i
            where i.community_id = c.id and i.state = 'ACCEPTED' and i.expires_at > statement_timestamp())`,
  ANSWER_OWNERSHIP_OFFER: `
    exists (select from community.ownership_offers o where o.membership_id = m.id and o.accepted_at is null)`,
  APPROVE_NEW_TENANT: isAwaited,
  APPOINT_ADMINISTRATOR: `c.owner_tenant_id = m.tenant_id and not ${hasEffective("ADMINISTRATOR")}`,
  APPOINT_MODERATOR: `c.owner_tenant_id <> m.tenant_id and not ${hasEffective("MODERATOR")}`,
  RESUME_SHARING: `m.status = 'PAUSED'`,
  INVITE_TENANT: `
    not exists (select from community.memberships other where other.community_id = c.id and other.id <> m.id)
    and not exists (select from community.invitations i
                    where i.community_id = c.id and i.state in ('CREATED', 'ACCEPTED')
                      and i.expires_at > statement_timestamp())`,
  ADD_MEMBERS: `
    not exists (select from community.members r where r.membership_id = m.id and r.role = 'MEMBER')`,
  SHARE_STREAMS: `m.id in (select u from unshared u)`,
  ADD_CLIENTS: `
    not exists (select from community.member_counts n where n.membership_id = m.id and n.clients > 0)`,
};

const kindsOpen = Object.entries(openings)
  .map(([kind, condition]) => `case when ${condition} then '${kind}' end`)
  .join(", ");

/** What is left to do for one viewer. */
export class NextStepStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** In those of the viewer's communities that are looked at, by name. */
  async inCommunities(): Promise<Openings[]> {
    const { identityId } = this.viewer;
    return prepared<Openings>(
      this.db,
      this.db.raw(
        `with viewer as materialized (
           select v.id, v.tenant_id, exists (
                    select from tenant.published_roles a
                    where a.identity_id = v.id and a.role = 'ACCOUNT_ADMINISTRATOR') as is_account_administrator
           from tenant.published_identities v where v.uuid = ? and v.enabled),
         looked_at as materialized (${lookedAt}),
         me as materialized (
           select me.* from ${participation("mine.id = any (array(select id from looked_at))")} me),
         unshared as materialized (
           select u from stream.unshared(?, array(select me.membership_id from me where me.role is not null)) u)
         select c.uuid as "communityId", c.name, ${place},
                array_remove(array[${kindsOpen}], null) as openings
         from me
         join community.memberships m on m.id = me.membership_id
         join community.communities c on c.id = m.community_id
         order by lower(c.name), c.uuid`,
        [identityId, identityId, identityId],
      ),
    );
  }

  /** Whether the viewer's tenant is in no community at all. */
  async isTenantAlone(): Promise<boolean> {
    const { rows } = await this.db.raw<{ rows: unknown[] }>(
      `select from tenant.published_identities i
       where i.uuid = ? and i.enabled
         and not exists (select from community.memberships m where m.tenant_id = i.tenant_id)`,
      [this.viewer.identityId],
    );
    return rows.length > 0;
  }

  /** Whether an invitation to a community that the viewer's tenant is not in waits at the viewer's own address. */
  async isAddressed(): Promise<boolean> {
    if (!this.viewer.isEmailProven) return false;
    const { rows } = await this.db.raw<{ rows: unknown[] }>(
      `select from tenant.users_of_caller(?, null) u
       join community.invitations i on i.email = u.email and i.state = 'CREATED' and i.expires_at > statement_timestamp()
       where i.community_id is not null
         and not exists (select from community.memberships m
                         where m.community_id = i.community_id and m.tenant_id = u.tenant_id)
       limit 1`,
      [this.viewer.identityId],
    );
    return rows.length > 0;
  }
}
