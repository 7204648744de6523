import type { Knex } from "knex";

/**
 * Streams that were deleted and whose events are still to be removed, in the order of time: those before `reached` are
 * gone. Nobody can read them, for every read starts from the stream's row.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table stream.leftovers (
      tenant_id int not null,
      stream_id int not null,
      reached timestamptz,
      constraint leftovers_pkey primary key (tenant_id, stream_id)
    )`);
}
