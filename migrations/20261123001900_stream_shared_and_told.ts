import type { Knex } from "knex";

/**
 * The moment itself and not its transaction's beginning, which may lie before what that waited for: who asks for what is
 * new since it last asked misses nothing.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table stream.shares alter column shared_at set default clock_timestamp()`);
}
