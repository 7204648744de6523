import type { Knex } from "knex";

/** What the stream subgraph builds its gate upon, how it locks a participation, and T3's answer for the tenant subgraph. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create view community.published_communities as
      select id, uuid, name, owner_tenant_id from community.communities`);
  await knex.raw(`
    create view community.published_memberships as
      select id, uuid, community_id, tenant_id, status from community.memberships`);
  await knex.raw(`
    create view community.published_members as
      select membership_id, tenant_id, identity_id, role from community.members`);

  // As tenant.lock_identities and tenant.claim_identities do: to keep the own memberships in these communities, and the
  // identity's roles there, as they are; and to change memberships or roles in them.
  await knex.raw(`
    create function community.lock_participation(identity uuid, communities uuid[])
    returns table (community_id int, community_uuid uuid, membership_id int, tenant_id int, status text, role text)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    declare
      memberships int[] := array(
        select m.id from community.memberships m
        where m.tenant_id = (select i.tenant_id from tenant.identities i where i.uuid = lock_participation.identity)
          and m.community_id in (select c.id from community.communities c where c.uuid = any (lock_participation.communities)));
    begin
      perform pg_advisory_xact_lock_shared(hashtext('community.memberships'), q.place)
        from (select distinct id % 64 as place from unnest(memberships) id order by place) q;
      perform from community.memberships m where m.id = any (memberships) order by m.id for share;
      return query
        select c.id, c.uuid, m.id, m.tenant_id, m.status, r.role
        from tenant.identities i
        join community.memberships m on m.tenant_id = i.tenant_id
        join community.communities c on c.id = m.community_id
        left join community.members r on r.membership_id = m.id and r.identity_id = i.id
        where i.uuid = lock_participation.identity and i.enabled and c.uuid = any (lock_participation.communities);
    end $$`);
  await knex.raw(`
    create function community.claim_memberships(memberships int[]) returns setof int
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
    begin
      perform pg_advisory_xact_lock(hashtext('community.memberships'), q.place)
        from (select distinct id % 64 as place from unnest(claim_memberships.memberships) id order by place) q;
      return query
        select m.id from community.memberships m where m.id = any (claim_memberships.memberships) order by m.id for update;
    end $$`);

  // T3: the tenants that an identity meets in communities it takes part in, or, if AA, that its tenant is in.
  // In plpgsql, which keeps the plan for the session: planning costs as much as the answer.
  await knex.raw(`
    create function community.met_tenants(viewer uuid) returns table (tenant_id int)
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return query select other.tenant_id
      from tenant.identities i
      join community.memberships own on own.tenant_id = i.tenant_id
      join community.memberships other on other.community_id = own.community_id and other.tenant_id <> own.tenant_id
      where i.uuid = met_tenants.viewer and i.enabled
        and (exists (select from community.members r where r.membership_id = own.id and r.identity_id = i.id)
          or exists (select from tenant.identity_roles r
                     where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR'));
    end $$`);

  await knex.raw(
    `grant usage on schema community to tributary_stream, tributary_tenant`,
  );
  await knex.raw(`
    grant select on community.published_communities, community.published_memberships, community.published_members
      to tributary_stream`);
  await knex.raw(
    `grant execute on function community.lock_participation(uuid, uuid[]) to tributary_stream`,
  );
  await knex.raw(
    `grant execute on function community.met_tenants(uuid) to tributary_tenant`,
  );
}
