import type { Knex } from "knex";

/** To tell somebody of something costs the same however many tenants, identities and notices there are. */
export async function up(knex: Knex): Promise<void> {
  // Each row by its key, in sub-queries: joined, the planner would read whole tables for the few that a call tells of.
  await knex.raw(`
    create or replace function mail.notify(actor uuid, notices jsonb) returns void
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    begin
      with given as materialized (
        select gen_random_uuid() as uuid, g.place, n.*,
               (select t.id from tenant.tenants t where t.uuid = n."tenantId") as tenant_id,
               (select c.id from community.communities c where c.uuid = n."communityId") as community_id
        from jsonb_array_elements(notify.notices) with ordinality as g(notice, place),
             jsonb_to_record(g.notice) as n(kind text, "communityId" uuid, "tenantId" uuid, "identityIds" uuid[],
               role text, "streamCount" int, "dueAt" timestamptz, audience jsonb)
      ), added as (
        insert into mail.notices (uuid, kind, community, community_name, tenant, tenant_name, identities, role,
                                  stream_count, due_at, actor)
        select g.uuid, g.kind, g."communityId",
               (select c.name from community.communities c where c.id = g.community_id), g."tenantId",
               coalesce((select m.alias from community.memberships m
                         where m.community_id = g.community_id and m.tenant_id = g.tenant_id),
                        (select t.name from tenant.tenants t where t.id = g.tenant_id)),
               coalesce(g."identityIds", '{}'), g.role, g."streamCount", g."dueAt", notify.actor
        from given g
        order by g.place
        returning id, uuid, at
      ), told as (
        select g.uuid, g.community_id, a.*,
               (select i.id from tenant.identities i where i.uuid = a."identityId") as identity_id,
               (select t.id from tenant.tenants t where t.uuid = a."tenantId") as tenant_id
        from given g
        cross join jsonb_to_recordset(g.audience) as a(
          "identityId" uuid, email text, "tenantId" uuid, role text, "asOfNow" boolean)
      )
      insert into mail.audiences (notice_id, at, identity_id, email, community_id, tenant_id, role, as_of_now)
      select n.id, n.at, a.identity_id, a.email,
             case when a.role <> 'ACCOUNT_ADMINISTRATOR' or a.role is not null and a."tenantId" is null
                  then a.community_id end,
             a.tenant_id, a.role, coalesce(a."asOfNow", false)
      from told a
      join added n on n.uuid = a.uuid
      -- Who is not there cannot be told; and no description may come to mean more than it says.
      where (a."identityId" is null or a.identity_id is not null) and (a."tenantId" is null or a.tenant_id is not null)
        and (a.role is null or a."tenantId" is not null or a.community_id is not null);

      -- Those who have the role now, for it is about to end.
      if notify.notices @> '[{"audience": [{"asOfNow": true}]}]' then
        insert into mail.audiences (notice_id, at, identity_id, as_of_now)
        select distinct r.notice_id, clock_timestamp(), r.identity_id, false from mail.recipients r where r.as_of_now;
        delete from mail.audiences a where a.as_of_now;
      end if;
      perform pg_notify('tributary_mail', '');
    end $$`);

  await knex.raw(`
    create or replace function tenant.users_of_caller(identity uuid, email text)
    returns table (id int, uuid uuid, tenant_id int, tenant_created_at timestamptz, name text, email text)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select i.id, i.uuid, t.id, t.created_at, i.name, u.email
      from tenant.users u
      join tenant.identities i on i.id = u.identity_id and i.enabled
      join tenant.tenants t on t.id = u.tenant_id
      where u.identity_id = any (array(
        select v.id from tenant.identities v where v.uuid = users_of_caller.identity
        union all
        select v.identity_id from tenant.users v
        where users_of_caller.identity is null and v.email = users_of_caller.email))
    $$`);
}
