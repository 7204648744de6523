import type { Knex } from "knex";

/** As before, but in plpgsql, which keeps its plans for the session: planning costs more than a place or two. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function community.led_places(identity int)
    returns table (community uuid, role text, is_last_effective boolean)
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return query
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
        order by c.id;
    end $$`);
}
