import type { Knex } from "knex";

/** Rule 5's "effective", in one place for all who ask. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create view tenant.possible_moderators as
      select i.id as identity_id from tenant.identities i
      join tenant.tenants t on t.id = i.tenant_id
      where not t.moderators_are_administrators
        or exists (select from tenant.identity_roles a
                   where a.identity_id = i.id and a.role = 'ACCOUNT_ADMINISTRATOR')`);
  await knex.raw(
    `grant select on tenant.possible_moderators to tributary_community`,
  );
  await knex.raw(`
    create view community.effective_leaders as
      select r.membership_id, r.identity_id, r.role from community.members r
      join tenant.published_identities i on i.id = r.identity_id and i.enabled
      where r.role = 'ADMINISTRATOR'
        or r.role = 'MODERATOR'
          and exists (select from tenant.possible_moderators p where p.identity_id = r.identity_id)`);

  await knex.raw(`
    create or replace function community.led_places(identity int)
    returns table (community uuid, role text, is_last_effective boolean)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select c.uuid, r.role,
             r.role = case c.owner_tenant_id when m.tenant_id then 'ADMINISTRATOR' else 'MODERATOR' end
             and exists (select from community.effective_leaders e
                         where e.membership_id = r.membership_id and e.identity_id = r.identity_id)
             and not exists (select from community.effective_leaders e
                             where e.membership_id = r.membership_id and e.role = r.role
                               and e.identity_id <> r.identity_id)
      from community.members r
      join community.memberships m on m.id = r.membership_id
      join community.communities c on c.id = m.community_id
      where r.identity_id = led_places.identity and r.role <> 'MEMBER'
      order by c.id
    $$`);
}
