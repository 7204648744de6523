import type { Knex } from "knex";

/** Properties that hold times, and named states, whose places in `states` their events hold. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table stream.properties
      drop constraint properties_kind_known,
      add column states text[],
      add constraint properties_kind_known
        check (kind in ('FLOAT', 'INTEGER', 'BOOLEAN', 'TEXT', 'TIMESTAMP', 'ENUM')),
      add constraint properties_states_of_enum check ((kind = 'ENUM') = (states is not null))`);
}
