import type { Knex } from "knex";

/** Calls under a key that their tenant chose, with their answers: one that is repeated is answered, not done again. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table stream.calls (
      tenant_id int not null,
      key text not null,
      digest bytea not null,
      answer jsonb,
      called_at timestamptz not null default now(),
      constraint calls_pkey primary key (tenant_id, key)
    )`);
  await knex.raw(
    `create index calls_by_age on stream.calls (tenant_id, called_at)`,
  );
}
