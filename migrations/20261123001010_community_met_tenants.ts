import type { Knex } from "knex";

/**
 * T3, as before, of tenants that are named: to say whether a tenant is met costs no more where it, or who asks, is in
 * thousands of communities.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index invitations_accepted_by_tenant on community.invitations (accepting_tenant_id) where state = 'ACCEPTED'`);
  await knex.raw(`drop function community.met_tenants(uuid)`);

  // The communities of the tenant that is in few of them are looked through for the other one; a scalar sub-query keeps
  // PostgreSQL from turning that round.
  const isInOne = (few: string, other: string) => `
    exists (select from community.memberships few
            where few.tenant_id = ${few}
              and (select true from community.memberships other
                   where other.community_id = few.community_id and other.tenant_id = ${other}
                     and (me.is_account_administrator
                       or exists (select from community.members r
                                  where r.membership_id = case me.tenant_id when few.tenant_id then few.id else other.id end
                                    and r.identity_id = me.id))))`;
  await knex.raw(`
    create function community.met_tenants(viewer uuid, tenants int[]) returns table (tenant_id int)
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return query
        with me as materialized (
          select i.id, i.tenant_id,
                 exists (select from tenant.identity_roles r
                         where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR') as is_account_administrator,
                 (select count(*) from (select from community.memberships m where m.tenant_id = i.tenant_id limit 50) few) < 50
                   as is_in_few
          from tenant.identities i where i.uuid = met_tenants.viewer and i.enabled)
        select t.id
        from me, unnest(met_tenants.tenants) t (id)
        where t.id <> me.tenant_id and (
          case when me.is_in_few then ${isInOne("me.tenant_id", "t.id")}
               else ${isInOne("t.id", "me.tenant_id")} end
          -- While an acceptance waits: the owner's administrators and AAs meet the tenant that accepted,
          or exists (
            select from community.invitations p
            join community.communities c on c.id = p.community_id and c.owner_tenant_id = me.tenant_id
            where p.accepting_tenant_id = t.id and p.state = 'ACCEPTED' and p.expires_at > statement_timestamp()
              and (me.is_account_administrator or exists (
                select from community.memberships own
                join community.members r on r.membership_id = own.id and r.identity_id = me.id and r.role = 'ADMINISTRATOR'
                where own.community_id = c.id and own.tenant_id = me.tenant_id)))
          -- whose AAs meet the owner and whoever invited.
          or me.is_account_administrator and exists (
            select from community.invitations p
            join community.communities c on c.id = p.community_id
            where p.accepting_tenant_id = me.tenant_id and p.state = 'ACCEPTED' and p.expires_at > statement_timestamp()
              and t.id in (c.owner_tenant_id, p.issuing_tenant_id)));
    end $$`);
  await knex.raw(
    `grant execute on function community.met_tenants(uuid, int[]) to tributary_tenant`,
  );
}
