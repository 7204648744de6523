import type { Knex } from "knex";

/** What a share of the own tenant gives, deciding as before: who asks is found once, and not anew for each share. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function stream.given_by(viewer uuid, reading_id int, reading_tenant_id int, is_reader boolean,
                                               tenant_id int, stream_id int, membership_id int, community_id int)
    returns table (is_own boolean, rights int)
    language sql stable as $$
      with me as materialized (select c.id, c.tenant_id, c.roles from stream.caller(given_by.viewer) c)
      select false, 1
      from stream.opened_to_membership(given_by.reading_id, given_by.reading_tenant_id, given_by.community_id) s
      where given_by.is_reader and s.membership_id = given_by.membership_id and s.tenant_id = given_by.tenant_id
      union all
      select true, o.rights
      from me
      join stream.streams s on s.tenant_id = me.tenant_id
      cross join lateral stream.rights_on(me.id, me.roles, s.tenant_id, s.id, s.access_list_id, s.owner_id) o
      where given_by.membership_id = given_by.reading_id and s.tenant_id = given_by.tenant_id
        and s.id = given_by.stream_id and o.rights & 1 = 1
    $$`);
}
