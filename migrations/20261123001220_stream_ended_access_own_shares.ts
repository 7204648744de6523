import type { Knex } from "knex";

/** As before; who knows all shares of the own tenant (T4) is told what they give still, in every community. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function stream.ended_access(viewer uuid, community_id int, sharing_of int[], reading_of int[])
    returns table (tenant_count int, identity_count int, share_count int, stream_count int, still_readable_count int,
                   tenants uuid[], identities uuid[], streams uuid[], still_readable uuid[])
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      with sharers as materialized (
        select m.*, m.id in (select unnest(ended_access.sharing_of)) as ends
        from stream.sharers_in(ended_access.community_id) m
      ),
      readers as materialized (
        select r.*, r.id in (select unnest(ended_access.reading_of)) as ends
        from stream.readers_in(ended_access.community_id) r
      ),
      all_sharers as materialized (
        select count(*) as count, count(*) filter (where s.ends) as ending from sharers s
      ),
      all_readers as materialized (
        select count(*) as count, count(*) filter (where r.ends) as ending from readers r
      ),
      own_readers as materialized (
        select r.membership_id, count(*) as count, count(*) filter (where r.ends) as ending
        from readers r group by r.membership_id
      ),
      -- Which memberships do not read what a membership shares: itself, and those that wait.
      closed as materialized (
        select s.id as sharing_id, s.id as membership_id, s.ends from sharers s
        union all
        select s.id, w.waiting_id, s.ends
        from sharers s
        join community.published_waiting_tenants w on w.sharing_id = s.id
      ),
      closed_sharers as (
        select c.membership_id, count(*) as count, count(*) filter (where c.ends) as ending
        from closed c group by c.membership_id
      ),
      closed_readers as (
        select c.sharing_id, sum(own.count) as count, sum(own.ending) as ending
        from closed c join own_readers own on own.membership_id = c.membership_id group by c.sharing_id
      ),
      -- A reader loses if sharing that is open to it ends, or if it reads no longer and some is open to it.
      losers as materialized (
        select r.*
        from readers r
        cross join all_sharers a
        left join closed_sharers closed on closed.membership_id = r.membership_id
        where a.ending > coalesce(closed.ending, 0) or r.ends and a.count > coalesce(closed.count, 0)
      ),
      -- And what a membership shares is lost if it has readers and its sharing ends, or the reading of some of them.
      lost as materialized (
        select s.*
        from sharers s
        cross join all_readers a
        left join closed_readers closed on closed.sharing_id = s.id
        where s.ends and a.count > coalesce(closed.count, 0) or a.ending > coalesce(closed.ending, 0)
      ),
      shares as materialized (
        select h.tenant_id, h.stream_id, h.membership_id
        from lost s
        join stream.shares h on h.membership_id = s.id and h.tenant_id = s.tenant_id
      ),
      -- The other communities that the caller sees (C2), and those where it knows of its own tenant's shares alone (T4);
      -- what others give is not told, nor what is shared there and does not exist for its tenant, which waits (rule 17).
      seen as materialized (
        select m.community_id, m.id as membership_id, case when not place.is_seen then m.tenant_id end as only_of
        from stream.caller(ended_access.viewer) me
        join community.published_memberships m on m.tenant_id = me.tenant_id
        cross join lateral (
          select 'ACCOUNT_ADMINISTRATOR' = any (me.roles)
              or exists (select from community.published_members r
                         where r.membership_id = m.id and r.identity_id = me.id) as is_seen) place
        where m.community_id <> ended_access.community_id
          and (place.is_seen or 'DATA_STEWARD' = any (me.roles))
      ),
      -- The tenants some of whose losers read in one of them, by its memberships there and here.
      elsewhere as materialized (
        select other.community_id, other.membership_id as other_id, r.membership_id, r.tenant_id, bool_or(r.ends) as ends
        from seen
        join stream.readers other on other.community_id = seen.community_id
        join losers r on r.id = other.identity_id
        group by other.community_id, other.membership_id, r.membership_id, r.tenant_id
      ),
      giving as materialized (
        select s.id as membership_id, other.membership_id as other_id
        from lost s
        join stream.sharers other on other.tenant_id = s.tenant_id
        join seen on seen.community_id = other.community_id and s.tenant_id = coalesce(seen.only_of, s.tenant_id)
        where not exists (select from community.published_waiting_tenants w
                          where w.sharing_id = other.membership_id and w.waiting_id = seen.membership_id)
          and exists (select from elsewhere e
                      where e.community_id = other.community_id and e.tenant_id <> s.tenant_id and (s.ends or e.ends)
                        and not exists (select from community.published_waiting_tenants w
                                        where w.sharing_id = s.id and w.waiting_id = e.membership_id
                                           or w.sharing_id = other.membership_id and w.waiting_id = e.other_id))
      ),
      still_readable as materialized (
        select h.tenant_id, h.stream_id
        from shares h
        join stream.shares other on other.tenant_id = h.tenant_id and other.stream_id = h.stream_id
        group by h.tenant_id, h.stream_id
        having bool_or((h.membership_id, other.membership_id) in (select g.membership_id, g.other_id from giving g))
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
}
