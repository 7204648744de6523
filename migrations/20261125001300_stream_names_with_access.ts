import type { Knex } from "knex";

/** A page of own streams has all that the gate asks of a stream from the index that it goes by. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`drop index stream.streams_by_name`);
  await knex.raw(
    `create index streams_by_name on stream.streams (tenant_id, name, uuid) include (id, access_list_id, owner_id)`,
  );
}
