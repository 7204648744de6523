import type { Knex } from "knex";

/**
 * The gate, deciding as before, of streams that are named: of all of them in one go, so that a membership which shares
 * many of them is asked about once.
 */
export async function up(knex: Knex): Promise<void> {
  // Which shares a stream has is answered by the index alone.
  await knex.raw(`drop index stream.shares_of_stream_by_time`);
  await knex.raw(
    `create index shares_of_stream_by_time on stream.shares (tenant_id, stream_id, shared_at, uuid)
       include (membership_id, community_id)`,
  );

  // What an identity may do with an own stream; no row: it does not see it.
  await knex.raw(`
    create function stream.rights_on(identity_id int, roles text[], tenant_id int, stream_id int, access_list_id int, owner_id int)
    returns table (rights int)
    language sql stable as $$
      select g.rights
      from stream.list_rights(rights_on.identity_id, rights_on.roles, rights_on.tenant_id, rights_on.access_list_id) l
      cross join lateral (
        select l.rights
             | case when rights_on.owner_id = rights_on.identity_id then 7 else 0 end
             | case when 'ACCOUNT_ADMINISTRATOR' = any (rights_on.roles) then 8 else 0 end
      ) g (rights)
      where g.rights <> 0 or 'DATA_STEWARD' = any (rights_on.roles)
        or exists (select from stream.shares h
                   join community.published_members me on me.membership_id = h.membership_id
                   where h.tenant_id = rights_on.tenant_id and h.stream_id = rights_on.stream_id
                     and me.identity_id = rights_on.identity_id and me.role <> 'MEMBER')
    $$`);
  await knex.raw(`
    create or replace function stream.own(viewer uuid)
    returns table (identity_id int, tenant_id int, id int, uuid uuid, type_id int, rights int)
    language sql stable as $$
      select c.id, s.tenant_id, s.id, s.uuid, s.type_id, g.rights
      from stream.caller(own.viewer) c
      join stream.streams s on s.tenant_id = c.tenant_id
      cross join lateral stream.rights_on(c.id, c.roles, s.tenant_id, s.id, s.access_list_id, s.owner_id) g
    $$`);

  // A row for each of these that the identity sees, by its place among them, from 1. PostgreSQL does not know how many
  // there are and expects few: what each step finds is kept, and looked up in a hash where it says "is true", so that a
  // thousand cost a thousand times what one does and no more.
  await knex.raw(`
    create function stream.visible(viewer uuid, streams uuid[])
    returns table (place int, tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int,
                   share_id uuid, community_id int)
    language sql stable as $$
      with named as materialized (
        select q.place::int, s.tenant_id, s.id, s.uuid, s.type_id, s.access_list_id, s.owner_id
        from stream.streams s
        join unnest(visible.streams) with ordinality q (uuid, place) on q.uuid = s.uuid
        where s.uuid = any (visible.streams)
      ),
      shared as materialized (
        select n.place, n.tenant_id, n.id, n.uuid, n.type_id, h.membership_id, h.community_id, h.shared_at, h.uuid as share_id
        from named n
        join stream.shares h on h.tenant_id = n.tenant_id and h.stream_id = n.id
        where n.tenant_id <> (select i.tenant_id from tenant.published_identities i where i.uuid = visible.viewer)
      ),
      open as materialized (
        select m.membership_id
        from (select distinct h.membership_id, h.tenant_id, h.community_id from shared h) m
        cross join lateral stream.opened_to(visible.viewer, m.tenant_id, m.membership_id, m.community_id)
      )
      select n.place, n.tenant_id, n.id, n.uuid, n.type_id, true, g.rights, null::uuid, null::int
      from stream.caller(visible.viewer) c
      join named n on n.tenant_id = c.tenant_id
      cross join lateral stream.rights_on(c.id, c.roles, n.tenant_id, n.id, n.access_list_id, n.owner_id) g
      union all
      (select distinct on (h.place) h.place, h.tenant_id, h.id, h.uuid, h.type_id, false, 1, h.share_id, h.community_id
       from shared h
       where (h.membership_id in (select o.membership_id from open o)) is true
       order by h.place, h.shared_at, h.share_id)
    $$`);
  await knex.raw(`
    create or replace function stream.seen_streams(viewer uuid, streams uuid[]) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select v.uuid from stream.visible(seen_streams.viewer, seen_streams.streams) v
    $$`);
  await knex.raw(`drop function stream.visible(uuid)`);
}
