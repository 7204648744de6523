import type { Knex } from "knex";

/** How long a stream keeps its events: what is older is read by nobody, whether or not it is there still. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table stream.streams
      add column retention interval constraint streams_retention_positive check (retention > interval '0')`);
  // By which what is beyond it is looked for.
  await knex.raw(`
    create index streams_with_retention on stream.streams (tenant_id, id) where retention is not null`);

  // The gate, deciding as before: it tells of each stream how long its events are kept.
  await knex.raw(`drop function stream.visible(uuid, uuid[])`);
  await knex.raw(`
    create function stream.visible(viewer uuid, streams uuid[])
    returns table (place int, tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int,
                   share_id uuid, community_id int, retention interval)
    language sql stable as $$
      with named as materialized (
        select q.place::int, s.tenant_id, s.id, s.uuid, s.type_id, s.access_list_id, s.owner_id, s.retention
        from stream.streams s
        join unnest(visible.streams) with ordinality q (uuid, place) on q.uuid = s.uuid
        where s.uuid = any (visible.streams)
      ),
      shared as materialized (
        select n.place, n.tenant_id, n.id, n.uuid, n.type_id, h.membership_id, h.community_id, h.shared_at, h.uuid as share_id,
               n.retention
        from named n
        join stream.shares h on h.tenant_id = n.tenant_id and h.stream_id = n.id
        where n.tenant_id <> (select i.tenant_id from tenant.published_identities i where i.uuid = visible.viewer)
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

  // What can be read of a stream's events: from when to when, and the last of them. The only place that narrows it: no row
  // is no event, and no read looks before its beginning or after its end.
  await knex.raw(`
    create function stream.reach(tenant_id int, stream_id int, rights int, retention interval)
    returns table (tenant_id int, stream_id int, first_ts timestamptz, ts timestamptz, value float8, numbers float8[],
                   texts text[])
    language sql stable as $$
      select l.tenant_id, l.stream_id, greatest(l.first_ts, now() - reach.retention), l.ts, l.value, l.numbers, l.texts
      from stream.latest l
      where l.tenant_id = reach.tenant_id and l.stream_id = reach.stream_id and reach.rights & 1 = 1
        and (reach.retention is null or l.ts >= now() - reach.retention)
    $$`);

  // Drops the months whose events are all beyond their streams' retention, or their streams deleted; answers how many.
  // Those that nobody writes to any more are dropped when they are empty, too. Who reads or writes waits for the lock, and
  // so it is not waited for longer than they can stand behind it: who calls tries again later.
  await knex.raw(`
    create function stream.keeps_events(partition text, ends timestamptz) returns boolean
    language plpgsql stable set search_path = pg_catalog, pg_temp as $$
    declare
      found boolean;
    begin
      execute format('select exists (
        select from stream.streams s
        where (s.retention is null or now() - s.retention < $1)
          and exists (select from stream.%I e where e.tenant_id = s.tenant_id and e.stream_id = s.id offset 0))', partition)
        into found using ends;
      return found;
    end $$`);
  await knex.raw(`
    create function stream.drop_partitions() returns int
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
    declare
      this_month timestamp := date_trunc('month', now() at time zone 'UTC');
      month record;
      is_empty boolean;
      dropped int := 0;
    begin
      if not pg_try_advisory_xact_lock(hashtext('stream.ensure_partitions')) then
        return 0; -- another process is at it
      end if;
      for month in
        select c.relname as name, to_date(substr(c.relname, 8), 'YYYY_MM')::timestamp as starts
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'stream.events'::regclass and c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
        order by 1
      loop
        continue when month.starts >= this_month;
        execute format('select not exists (select from stream.%I)', month.name) into is_empty;
        continue when is_empty and month.starts >= this_month - interval '24 months';
        continue when stream.keeps_events(month.name, (month.starts + interval '1 month') at time zone 'UTC');
        lock table only stream.events in access exclusive mode;
        -- Somebody may have written meanwhile.
        continue when stream.keeps_events(month.name, (month.starts + interval '1 month') at time zone 'UTC');
        execute format('drop table stream.%I', month.name);
        dropped := dropped + 1;
      end loop;
      return dropped;
    end $$`);
}
