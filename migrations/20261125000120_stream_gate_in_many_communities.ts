import type { Knex } from "knex";

/**
 * The gate of named streams, deciding as before: only a viewer who takes part in few communities has their shares looked
 * for there. Who is in as many as the stream is asked about its shares.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function stream.visible(viewer uuid, streams uuid[])
    returns table (place int, tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int,
                   share_id uuid, community_id int, retention interval)
    language sql stable as $$
      with named as materialized (
        select q.place::int, s.tenant_id, s.id, s.uuid, s.type_id, s.access_list_id, s.owner_id, s.retention, s.is_widely_shared
        from stream.streams s
        join unnest(visible.streams) with ordinality q (uuid, place) on q.uuid = s.uuid
        where s.uuid = any (visible.streams)
      ),
      foreign_ones as materialized (
        select n.* from named n
        where n.tenant_id <> (select i.tenant_id from tenant.published_identities i where i.uuid = visible.viewer)
      ),
      places as materialized (
        select p.community_id from stream.participations(visible.viewer) p
        where exists (select from foreign_ones n where n.is_widely_shared)
        limit 101
      ),
      -- Both ways to a stream's shares only choose which of them are asked about.
      by_place as materialized (
        select n.* from foreign_ones n where n.is_widely_shared and (select count(*) from places) <= 100
      ),
      -- Where the viewer takes part and their tenants do.
      sharers as materialized (
        select m.tenant_id, m.id as membership_id
        from (select distinct n.tenant_id from by_place n) t
        cross join places r
        cross join lateral (select m.tenant_id, m.id from community.published_memberships m
                            where m.community_id = r.community_id and m.tenant_id = t.tenant_id offset 0) m
      ),
      shared as materialized (
        select n.place, n.tenant_id, n.id, n.uuid, n.type_id, n.retention,
               h.membership_id, h.community_id, h.shared_at, h.uuid as share_id
        from foreign_ones n
        join stream.shares h on h.tenant_id = n.tenant_id and h.stream_id = n.id
        where (n.place in (select b.place from by_place b)) is not true
        union all
        select n.place, n.tenant_id, n.id, n.uuid, n.type_id, n.retention,
               h.membership_id, h.community_id, h.shared_at, h.uuid as share_id
        from by_place n
        join sharers s on s.tenant_id = n.tenant_id
        cross join lateral (select h.* from stream.shares h
                            where h.membership_id = s.membership_id and h.stream_id = n.id offset 0) h
        where h.tenant_id = n.tenant_id
      ),
      open as materialized (
        select m.membership_id
        from (select distinct h.membership_id, h.tenant_id, h.community_id from shared h) m
        cross join lateral stream.opened_to(visible.viewer, m.tenant_id, m.membership_id, m.community_id)
      )
      select n.place, n.tenant_id, n.id, n.uuid, n.type_id, true, g.rights, null::uuid, null::int, n.retention
      from stream.caller(visible.viewer) c
      join named n on n.tenant_id = c.tenant_id
      cross join lateral stream.rights_on(c.id, c.roles, n.tenant_id, n.id, n.access_list_id, n.owner_id) g
      union all
      (select distinct on (h.place) h.place, h.tenant_id, h.id, h.uuid, h.type_id, false, 1, h.share_id, h.community_id, h.retention
       from shared h
       where (h.membership_id in (select o.membership_id from open o)) is true
       order by h.place, h.shared_at, h.share_id)
    $$`);
}
