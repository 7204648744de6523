import type { Knex } from "knex";

/** Published for the tenant, whose changes of an identity may leave its communities without anybody to look after them. */
export async function up(knex: Knex): Promise<void> {
  // Rule 5: enabled, and for a moderator what its tenant asks of moderators.
  const isEffective = (member: string) => `
    exists (select from tenant.identities i
            where i.id = ${member}.identity_id and i.enabled and (
              ${member}.role = 'ADMINISTRATOR'
              or not (select s.moderators_are_administrators from tenant.published_settings s
                      where s.tenant_id = i.tenant_id)
              or exists (select from tenant.identity_roles a
                         where a.identity_id = i.id and a.role = 'ACCOUNT_ADMINISTRATOR')))`;
  await knex.raw(`
    create function community.led_places(identity int)
    returns table (community uuid, role text, is_last_effective boolean)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select c.uuid, r.role,
             r.role = case c.owner_tenant_id when m.tenant_id then 'ADMINISTRATOR' else 'MODERATOR' end
             and ${isEffective("r")}
             and not exists (
               select from community.members o
               where o.membership_id = r.membership_id and o.role <> 'MEMBER'
                 and o.role = r.role and o.identity_id <> r.identity_id and ${isEffective("o")})
      from community.members r
      join community.memberships m on m.id = r.membership_id
      join community.communities c on c.id = m.community_id
      where r.identity_id = led_places.identity and r.role <> 'MEMBER'
      order by c.id
    $$`);
  await knex.raw(
    `grant execute on function community.led_places(int) to tributary_tenant`,
  );
}
