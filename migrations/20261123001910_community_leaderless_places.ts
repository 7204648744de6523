import type { Knex } from "knex";

/** Where a tenant has nobody who acts in the role that it needs there (rule 5); asked by the tenant whose policy changes. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function community.leaderless_places(tenant int)
    returns table (community uuid, role text)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select c.uuid, needed.role
      from community.memberships m
      join community.communities c on c.id = m.community_id
      cross join lateral (
        select case c.owner_tenant_id when m.tenant_id then 'ADMINISTRATOR' else 'MODERATOR' end as role) needed
      where m.tenant_id = leaderless_places.tenant
        and not exists (select from community.effective_leaders e
                        where e.membership_id = m.id and e.role = needed.role)
      order by c.id
    $$`);
  await knex.raw(
    `grant execute on function community.leaderless_places(int) to tributary_tenant`,
  );
}
