import type { Knex } from "knex";

/**
 * Events in month partitions. A type's first number (FLOAT, INTEGER, or BOOLEAN as 0 and 1) is in `value`, its
 * further numbers in `numbers`, its texts in `texts`, each in the order of its properties: the common stream of
 * one FLOAT pays nothing for the others.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table stream.events (
      tenant_id int not null,
      stream_id int not null,
      ts timestamptz not null,
      value float8,
      numbers float8[],
      texts text[],
      constraint events_pkey primary key (tenant_id, stream_id, ts)
    ) partition by range (ts)`);
  await knex.raw(
    `create table stream.events_default partition of stream.events default`,
  );
  // Where a stream's events begin and end, and its last event whole; kept by the transaction that writes them.
  await knex.raw(`
    create table stream.latest (
      tenant_id int not null,
      stream_id int not null,
      first_ts timestamptz not null,
      ts timestamptz not null,
      value float8,
      numbers float8[],
      texts text[],
      constraint latest_pkey primary key (tenant_id, stream_id),
      constraint latest_stream_fkey foreign key (tenant_id, stream_id)
        references stream.streams (tenant_id, id) on delete cascade
    )`);
  // The months from 24 back to 3 ahead; answers how many were missing. What a stream writes outside of them stays in
  // the default partition, so that nobody can make partitions without end. A month's rows move out of the default
  // before its partition joins. Only the default is locked, and the lock is not waited for longer than readers and
  // writers can stand behind it: who calls tries again later.
  await knex.raw(`
    create function stream.ensure_partitions() returns int
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
    declare
      this_month timestamp := date_trunc('month', now() at time zone 'UTC');
      starts timestamptz;
      ends timestamptz;
      partition text;
      made int := 0;
    begin
      if not pg_try_advisory_xact_lock(hashtext('stream.ensure_partitions')) then
        return 0; -- another process is at it
      end if;
      for months in -24..3 loop
        starts := (this_month + make_interval(months => months)) at time zone 'UTC';
        ends := (this_month + make_interval(months => months + 1)) at time zone 'UTC';
        partition := 'events_' || to_char(starts at time zone 'UTC', 'YYYY_MM');
        continue when to_regclass('stream.' || partition) is not null;
        lock table stream.events_default in access exclusive mode;
        execute format('create table stream.%I (like stream.events including defaults including constraints)', partition);
        execute format('alter table stream.%I add constraint %I primary key (tenant_id, stream_id, ts)',
                       partition, partition || '_pkey');
        execute format('with moved as (delete from stream.events_default where ts >= %L and ts < %L returning *)
                        insert into stream.%I select * from moved', starts, ends, partition);
        execute format('alter table stream.events attach partition stream.%I for values from (%L) to (%L)',
                       partition, starts, ends);
        made := made + 1;
      end loop;
      return made;
    end $$`);
  await knex.raw(`select stream.ensure_partitions()`);
}
