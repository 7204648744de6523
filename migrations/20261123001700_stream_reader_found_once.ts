import type { Knex } from "knex";

/**
 * The gate, deciding as before, in two steps: who reads in a community, and whose shares are open to those that read
 * there. A list of many shares of one community takes the first once.
 */
export async function up(knex: Knex): Promise<void> {
  // Whose shares are open to a membership's readers, own streams apart; the only place that says so.
  await knex.raw(`
    create function stream.opened_to_membership(membership_id int, tenant_id int, community_id int)
    returns table (membership_id int, tenant_id int)
    language sql stable as $$
      select s.membership_id, s.tenant_id
      from stream.sharers s
      where s.community_id = opened_to_membership.community_id and s.tenant_id <> opened_to_membership.tenant_id
        and not exists (select from community.published_waiting_tenants w
                        where w.sharing_id = s.membership_id and w.waiting_id = opened_to_membership.membership_id)
    $$`);
  await knex.raw(`
    create or replace view stream.audience as
      select s.membership_id as sharing_id, s.tenant_id as sharing_tenant_id, r.community_id,
             r.membership_id, r.tenant_id, r.identity_id, r.viewer
      from stream.readers r
      cross join lateral stream.opened_to_membership(r.membership_id, r.tenant_id, r.community_id) s`);

  // Of stream.participations the one in this community, and whether shares are open to it: what a list looks for once.
  // The offsets keep PostgreSQL, which sees averages, from finding all of an identity's first.
  await knex.raw(`drop function stream.given_by(uuid, int, int, int, int)`);
  await knex.raw(`drop function stream.participation(uuid, int)`);
  await knex.raw(`
    create function stream.participation(viewer uuid, community_id int)
    returns table (reading_id int, reading_tenant_id int, is_reader boolean)
    language sql stable as $$
      select p.membership_id, p.tenant_id,
             exists (select from stream.readers r
                     where r.viewer = participation.viewer and r.membership_id = p.membership_id offset 0)
      from (select m.id from community.published_memberships m
            where m.community_id = participation.community_id
              and m.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = participation.viewer)
            offset 0) place
      cross join lateral (
        select * from stream.participations(participation.viewer) p where p.membership_id = place.id offset 0
      ) p
      offset 0
    $$`);

  // What one share gives an identity that takes part like this, as stream.readable_here has it of all shares where it
  // does. No row: nothing.
  await knex.raw(`
    create function stream.given_by(viewer uuid, reading_id int, reading_tenant_id int, is_reader boolean,
                                    tenant_id int, stream_id int, membership_id int, community_id int)
    returns table (is_own boolean, rights int)
    language sql stable as $$
      select false, 1
      from stream.opened_to_membership(given_by.reading_id, given_by.reading_tenant_id, given_by.community_id) s
      where given_by.is_reader and s.membership_id = given_by.membership_id and s.tenant_id = given_by.tenant_id
      union all
      select true, o.rights
      from stream.own(given_by.viewer) o
      where given_by.membership_id = given_by.reading_id and o.tenant_id = given_by.tenant_id
        and o.id = given_by.stream_id and o.rights & 1 = 1
    $$`);
}
