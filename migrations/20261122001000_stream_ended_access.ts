import type { Knex } from "knex";

/**
 * For the community subgraph: what a change of access ends, asked before the change in its own transaction, and
 * which of those streams the caller sees after it. Still readable are those streams that some of the losers read
 * through another community that the caller sees.
 *
 * Meant are the pairs of an identity and a share that are open now and will not be: all readers of the memberships
 * that share no longer, and all that the identities read who read no longer. In one community each stream has one
 * share at most, and whether a pair ends depends on the identity and the sharing membership alone, so readers and
 * sharing memberships are counted apart and the pairs, which may be billions, are never made.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function stream.ended_access(viewer uuid, community_id int, sharing_of int[], reading_of int[])
    returns table (tenant_count int, identity_count int, share_count int, stream_count int, still_readable_count int,
                   tenants uuid[], identities uuid[], streams uuid[], still_readable uuid[])
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      with sharers as materialized (
        select m.membership_id as id, m.tenant_id, s.id is not null as ends
        from stream.sharers m
        left join unnest(ended_access.sharing_of) as s(id) on s.id = m.membership_id
        where m.community_id = ended_access.community_id
          and exists (select from stream.shares h
                      where h.membership_id = m.membership_id and h.tenant_id = m.tenant_id)
      ),
      readers as materialized (
        select r.membership_id, r.tenant_id, r.identity_id as id, r.viewer as uuid, s.id is not null as ends
        from stream.readers r
        left join unnest(ended_access.reading_of) as s(id) on s.id = r.identity_id
        where r.community_id = ended_access.community_id
      ),
      all_sharers as (
        select count(*) as count, count(*) filter (where s.ends) as ending from sharers s
      ),
      all_readers as (
        select count(*) as count, count(*) filter (where r.ends) as ending from readers r
      ),
      own_readers as (
        select r.membership_id, count(*) as count, count(*) filter (where r.ends) as ending
        from readers r group by r.membership_id
      ),
      -- A reader loses if somebody else's sharing ends, or if it reads no longer and somebody else shares.
      losers as materialized (
        select r.*
        from readers r
        cross join all_sharers a
        left join sharers own on own.id = r.membership_id
        where a.ending > coalesce(own.ends, false)::int or r.ends and a.count > (own.id is not null)::int
      ),
      -- And what a membership shares is lost if somebody else reads it and its sharing ends, or the other's reading.
      lost as materialized (
        select s.*
        from sharers s
        cross join all_readers a
        left join own_readers own on own.membership_id = s.id
        where s.ends and a.count > coalesce(own.count, 0) or a.ending > coalesce(own.ending, 0)
      ),
      shares as materialized (
        select h.tenant_id, h.stream_id, h.membership_id
        from lost s
        join stream.shares h on h.membership_id = s.id and h.tenant_id = s.tenant_id
      ),
      -- C2: the other communities that the caller sees; what those give that it does not see is not told.
      seen as materialized (
        select m.community_id
        from stream.caller(ended_access.viewer) me
        join community.published_memberships m on m.tenant_id = me.tenant_id
        where m.community_id <> ended_access.community_id
          and ('ACCOUNT_ADMINISTRATOR' = any (me.roles)
            or exists (select from community.published_members r
                       where r.membership_id = m.id and r.identity_id = me.id))
      ),
      -- Those of them in which losers read. Of their tenants the least and the greatest suffice to tell whether there
      -- is one besides any given tenant.
      elsewhere as materialized (
        select other.community_id, min(r.tenant_id) as first_tenant, max(r.tenant_id) as last_tenant,
               min(r.tenant_id) filter (where r.ends) as first_ending, max(r.tenant_id) filter (where r.ends) as last_ending
        from seen
        join stream.readers other on other.community_id = seen.community_id
        join losers r on r.id = other.identity_id
        group by other.community_id
      ),
      giving as materialized (
        select s.id as membership_id, other.membership_id as other_id
        from lost s
        join stream.sharers other on other.tenant_id = s.tenant_id
        join elsewhere e on e.community_id = other.community_id
        where s.ends and (e.first_tenant <> s.tenant_id or e.last_tenant <> s.tenant_id)
           or e.first_ending <> s.tenant_id or e.last_ending <> s.tenant_id
      ),
      still_readable as materialized (
        select h.tenant_id, h.stream_id
        from shares h
        where exists (select from giving g
                      join stream.shares other on other.membership_id = g.other_id
                      where g.membership_id = h.membership_id
                        and other.tenant_id = h.tenant_id and other.stream_id = h.stream_id)
      )
      select (select count(distinct r.tenant_id)::int from losers r),
             (select count(*)::int from losers),
             (select count(*)::int from shares),
             (select count(*)::int from shares),
             (select count(*)::int from still_readable),
             array(select t.uuid from tenant.published_tenants t
                   where t.id in (select r.tenant_id from losers r) order by t.id limit 100),
             -- The caller's own ones first; of the others it learns the number alone.
             array(select case when r.tenant_id = me.tenant_id then r.uuid end
                   from losers r, tenant.published_identities me
                   where me.uuid = ended_access.viewer
                   order by r.tenant_id <> me.tenant_id, r.id limit 100),
             array(select s.uuid from shares h
                   join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
                   order by s.id limit 100),
             array(select s.uuid from still_readable h
                   join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
                   order by s.id limit 100)
    $$`);
  await knex.raw(`
    create function stream.seen_streams(viewer uuid, streams uuid[]) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select v.uuid from stream.visible(seen_streams.viewer) v where v.uuid = any (seen_streams.streams)
    $$`);
  await knex.raw(`grant usage on schema stream to tributary_community`);
  await knex.raw(`
    grant execute on function stream.ended_access(uuid, int, int[], int[]), stream.seen_streams(uuid, uuid[])
      to tributary_community`);
}
