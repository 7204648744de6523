import type { Knex } from "knex";

/**
 * Reads by month, so that old ones go with their month: to drop one costs nothing, while to delete as many rows writes
 * each of them into the log and leaves its place in the index behind.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create table stream.reads_by_month (like stream.reads including constraints including identity) partition by range (at)`,
  );
  await knex.raw(
    `create table stream.reads_default partition of stream.reads_by_month default`,
  );
  await knex.raw(
    `insert into stream.reads_by_month overriding user value select * from stream.reads order by at, id`,
  );
  await knex.raw(`drop table stream.reads`);
  await knex.raw(`alter table stream.reads_by_month rename to reads`);
  await knex.raw(
    `alter table stream.reads add constraint reads_pkey primary key (tenant_id, stream_id, at, id)`,
  );
  await knex.raw(`revoke update, delete on stream.reads from tributary_stream`);
  await knex.raw(`revoke all on stream.reads_default from tributary_stream`);

  // The months from that of the first read that has none to three ahead are made, and those that ended so many days ago
  // dropped: never one of the last month, whoever asks. Waits for no lock longer than readers and writers can stand
  // behind it: who calls tries again later.
  await knex.raw(`
    create function stream.keep_reads(days int, out made int, out dropped int)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
    declare
      month timestamp;
      partition text;
      starts timestamptz;
      ends timestamptz;
    begin
      made := 0;
      dropped := 0;
      if not pg_try_advisory_xact_lock(hashtext('stream.keep_reads')) then
        return; -- another process is at it
      end if;
      for month in
        select generate_series(
          date_trunc('month', least(now(), (select min(r.at) from stream.reads_default r)) at time zone 'UTC'),
          date_trunc('month', now() at time zone 'UTC') + interval '3 months', interval '1 month')
      loop
        partition := 'reads_' || to_char(month, 'YYYY_MM');
        continue when to_regclass('stream.' || partition) is not null;
        starts := month at time zone 'UTC';
        ends := (month + interval '1 month') at time zone 'UTC';
        lock table stream.reads_default in access exclusive mode;
        execute format('create table stream.%I (like stream.reads including constraints)', partition);
        execute format('revoke all on stream.%I from tributary_stream', partition);
        execute format('with moved as (delete from stream.reads_default where at >= %L and at < %L returning *)
                        insert into stream.%I select * from moved', starts, ends, partition);
        execute format('alter table stream.reads attach partition stream.%I for values from (%L) to (%L)',
                       partition, starts, ends);
        made := made + 1;
      end loop;
      for partition in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'stream.reads'::regclass and c.relname ~ '^reads_\\d{4}_\\d{2}$'
          and (to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC'
              <= now() - make_interval(days => greatest(keep_reads.days, 31))
      loop
        execute format('drop table stream.%I', partition);
        dropped := dropped + 1;
      end loop;
    end $$`);
  await knex.raw(`select stream.keep_reads(400)`);

  // The beginning of the first month that is there.
  await knex.raw(`
    create function stream.reads_kept_from() returns timestamptz
    language sql stable set search_path = pg_catalog, pg_temp as $$
      select min(to_date(substr(c.relname, 7), 'YYYY_MM'))::timestamp at time zone 'UTC'
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'stream.reads'::regclass and c.relname ~ '^reads_\\d{4}_\\d{2}$'
    $$`);
}
