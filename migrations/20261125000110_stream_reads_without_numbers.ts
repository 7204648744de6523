import type { Knex } from "knex";

/**
 * Reads in no numbering: a cursor holds what tells two reads of one moment apart, and is not to tell a sharer how much
 * others' streams were read meanwhile, nor two of them that theirs were read together.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`alter table stream.reads alter column id drop identity`);
  await knex.raw(
    `alter table stream.reads alter column id set default floor(random() * 1e18)::bigint`,
  );
}
