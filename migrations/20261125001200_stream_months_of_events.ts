import type { Knex } from "knex";

/**
 * What PostgreSQL takes a month of events for. It sees neither that a stream is of one tenant, nor how long the stretch of
 * a read is, which it takes for a 200th; and expects a stream's events to be so few that they may as well be sorted. Then
 * a page sorts all that is left of its window. Told that a stream has 100,000 events a month, it goes by the index.
 */
const expectation = `alter column tenant_id set (n_distinct = 1), alter column stream_id set (n_distinct = -0.00001)`;

export async function up(knex: Knex): Promise<void> {
  const { rows } = await knex.raw<{ rows: { partition: string }[] }>(
    `select relid::regclass::text as partition from pg_partition_tree('stream.events') where isleaf`,
  );
  for (const { partition } of rows)
    await knex.raw(`alter table ${partition} ${expectation}`);

  // As it was, with the expectation for the months to come.
  await knex.raw(`
    create or replace function stream.ensure_partitions() returns int
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
        execute format('alter table stream.%I ${expectation}', partition);
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
}
