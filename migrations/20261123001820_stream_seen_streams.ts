import type { Knex } from "knex";

/** Of these streams those that an identity sees, as the gate has it of streams that are named. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function stream.seen_streams(viewer uuid, streams uuid[]) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select v.uuid from stream.visible(seen_streams.viewer) v where v.uuid = any (seen_streams.streams)
    $$`);
}
