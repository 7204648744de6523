import type { Knex } from "knex";

/**
 * A stream's ledger, newest first, by an order that only its own index has. By that of all entries the planner would walk
 * through everybody's since the stream's last, whenever few streams have most of them.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`drop index ledger.entries_by_stream`);
  await knex.raw(
    `create index entries_by_stream on ledger.entries (stream_id, (-id)) where stream_id is not null`,
  );
}
