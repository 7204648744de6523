import type { Knex } from "knex";

/**
 * The gate of named streams, deciding as before: of a tenant of which many are named the shares are looked for membership
 * by membership, all of its streams in one descent of an index, as those of widely shared streams were one by one.
 */
export async function up(knex: Knex): Promise<void> {
  // PostgreSQL does not know how many streams are named and takes them for ten, as long as nothing makes it think that
  // most of these are not there: then it looks up in hashes what belongs to them. Hence the left join and the offsets.
  await knex.raw(`
    create or replace function stream.visible(viewer uuid, streams uuid[])
    returns table (place int, tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int,
                   share_id uuid, community_id int, retention interval)
    language sql stable as $$
      with named as materialized (
        select n.* from (
          select q.place::int, s.tenant_id, s.id, s.uuid, s.type_id, s.access_list_id, s.owner_id, s.retention, s.is_widely_shared
          from unnest(visible.streams) with ordinality q (uuid, place)
          left join (
            select s.tenant_id, s.id, s.uuid, s.type_id, s.access_list_id, s.owner_id, s.retention, s.is_widely_shared
            from stream.streams s where s.uuid = any (visible.streams) offset 0
          ) s on s.uuid = q.uuid
          offset 0
        ) n
        where n.id is not null
      ),
      -- Both ways to the shares only choose which of them are asked about.
      many as materialized (
        select n.tenant_id, array_agg(n.id) as ids
        from named n
        where n.tenant_id <> (select i.tenant_id from tenant.published_identities i where i.uuid = visible.viewer)
        group by n.tenant_id
        having count(*) > 20 or bool_or(n.is_widely_shared)
      ),
      places as materialized (
        select p.community_id from stream.participations(visible.viewer) p where exists (select from many) limit 101
      ),
      by_place as materialized (
        select m.* from many m where (select count(*) from places) <= 100
      ),
      by_stream as materialized (
        select n.tenant_id, n.id as stream_id, h.membership_id, h.community_id, h.shared_at, h.uuid as share_id
        from named n
        join stream.shares h on h.tenant_id = n.tenant_id and h.stream_id = n.id
        where n.tenant_id <> (select i.tenant_id from tenant.published_identities i where i.uuid = visible.viewer)
          and (n.tenant_id in (select b.tenant_id from by_place b)) is not true
      ),
      open as materialized (
        select m.tenant_id, m.membership_id, m.community_id, m.ids
        from (
          select distinct h.tenant_id, h.membership_id, h.community_id, null::int[] as ids from by_stream h
          union all
          select b.tenant_id, m.id, p.community_id, b.ids
          from by_place b
          cross join places p
          cross join lateral (select m.id from community.published_memberships m
                              where m.community_id = p.community_id and m.tenant_id = b.tenant_id offset 0) m
        ) m
        cross join lateral stream.opened_to(visible.viewer, m.tenant_id, m.membership_id, m.community_id)
      ),
      given as (
        select h.tenant_id, h.stream_id, h.community_id, h.shared_at, h.share_id
        from by_stream h
        where (h.membership_id in (select o.membership_id from open o)) is true
        union all
        select o.tenant_id, h.stream_id, o.community_id, h.shared_at, h.uuid
        from open o
        cross join lateral (select h.* from stream.shares h
                            where h.membership_id = o.membership_id and h.stream_id = any (o.ids) offset 0) h
        where h.tenant_id = o.tenant_id
      )
      select n.place, n.tenant_id, n.id, n.uuid, n.type_id, true, g.rights, null::uuid, null::int, n.retention
      from stream.caller(visible.viewer) c
      join named n on n.tenant_id = c.tenant_id
      cross join lateral stream.rights_on(c.id, c.roles, n.tenant_id, n.id, n.access_list_id, n.owner_id) g
      union all
      select n.place, n.tenant_id, n.id, n.uuid, n.type_id, false, 1, g.share_id, g.community_id, n.retention
      from (select distinct on (g.tenant_id, g.stream_id) g.tenant_id, g.stream_id, g.share_id, g.community_id
            from given g order by g.tenant_id, g.stream_id, g.shared_at, g.share_id) g
      join named n on n.tenant_id = g.tenant_id and n.id = g.stream_id
    $$`);
}
