import type { Knex } from "knex";

/**
 * A share carries what the lists of streams shared in a community go by: the community and the stream's name and id. A page then
 * is a stretch of an index, of which each share is asked of the gate until the page is full.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table stream.shares
      add column community_id int,
      add column stream_uuid uuid,
      add column stream_name text`);
  await knex.raw(`
    update stream.shares h set community_id = m.community_id, stream_uuid = s.uuid, stream_name = s.name
    from community.memberships m, stream.streams s
    where m.id = h.membership_id and s.tenant_id = h.tenant_id and s.id = h.stream_id`);
  await knex.raw(`
    alter table stream.shares
      alter column community_id set not null,
      alter column stream_uuid set not null,
      alter column stream_name set not null`);
  // What is read of a share is in the index, or PostgreSQL would rather sort all shares of an average, small community.
  await knex.raw(
    `create index shares_by_name on stream.shares (community_id, stream_name, stream_uuid)
     include (tenant_id, stream_id, membership_id)`,
  );
  await knex.raw(
    `create index shares_by_community_and_time on stream.shares (community_id, shared_at, uuid)`,
  );
  await knex.raw(
    `create index streams_by_name on stream.streams (tenant_id, name, uuid)`,
  );

  // Of stream.participations the one in this community, for a tenant that is in many: found by the tenant's place there.
  await knex.raw(`
    create function stream.participation(viewer uuid, community_id int)
    returns table (membership_id int, tenant_id int, identity_id int, role text)
    language sql stable as $$
      select p.membership_id, p.tenant_id, p.identity_id, p.role
      from (select m.id from community.published_memberships m
            where m.community_id = participation.community_id
              and m.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = participation.viewer)
            offset 0) place
      cross join lateral (
        select * from stream.participations(participation.viewer) p where p.membership_id = place.id offset 0
      ) p
    $$`);

  // What one share gives this identity, as stream.readable_here has it of all shares where it takes part. No row: nothing.
  await knex.raw(`
    create function stream.given_by(viewer uuid, tenant_id int, stream_id int, membership_id int, community_id int)
    returns table (is_own boolean, rights int)
    language sql stable as $$
      select false, 1 from stream.audience a
      where a.viewer = given_by.viewer and a.sharing_id = given_by.membership_id
        and a.sharing_tenant_id = given_by.tenant_id and a.community_id = given_by.community_id
        and a.membership_id = (select p.membership_id from stream.participation(given_by.viewer, given_by.community_id) p)
      union all
      select true, o.rights
      from stream.participations(given_by.viewer) p
      join stream.own(given_by.viewer) o on o.tenant_id = p.tenant_id
      where p.membership_id = given_by.membership_id and o.tenant_id = given_by.tenant_id
        and o.id = given_by.stream_id and o.rights & 1 = 1
    $$`);
}
