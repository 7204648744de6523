import type { Knex } from "knex";

/**
 * A month is looked through while nobody is held up but who writes to that month; only to drop it takes the lock for which
 * all others wait, and each month is a transaction of its own.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`drop function stream.drop_partitions()`);
  await knex.raw(`
    create function stream.drop_partition() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
    declare
      this_month timestamp := date_trunc('month', now() at time zone 'UTC');
      month record;
      is_empty boolean;
    begin
      if not pg_try_advisory_xact_lock(hashtext('stream.ensure_partitions')) then
        return false; -- another process is at it
      end if;
      for month in
        select c.oid, c.relname as name, to_date(substr(c.relname, 8), 'YYYY_MM')::timestamp as starts
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'stream.events'::regclass and c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
        order by 2
      loop
        continue when month.starts >= this_month;
        execute format('select not exists (select from stream.%I)', month.name) into is_empty;
        continue when is_empty and month.starts >= this_month - interval '24 months';
        continue when stream.keeps_events(month.name, (month.starts + interval '1 month') at time zone 'UTC');
        -- Somebody may have written meanwhile; from here on nobody writes to this month.
        execute format('lock table stream.%I in share mode', month.name);
        continue when stream.keeps_events(month.name, (month.starts + interval '1 month') at time zone 'UTC');
        -- Who waits to write to it has a lock already that the next one would wait for: they go first.
        if exists (select from pg_locks l where l.relation = month.oid and not l.granted) then
          raise exception 'Somebody writes to %.', month.name using errcode = 'lock_not_available';
        end if;
        -- Shorter than PostgreSQL takes to find a circle: whoever comes to write now is not the one to give up.
        perform set_config('lock_timeout', '500ms', true);
        lock table only stream.events in access exclusive mode;
        execute format('drop table stream.%I', month.name);
        return true;
      end loop;
      return false;
    end $$`);
}
