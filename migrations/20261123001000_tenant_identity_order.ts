import type { Knex } from "knex";

/** A page of a tenant's users or clients costs what is on it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index identities_by_name on tenant.identities (tenant_id, kind, lower(name), uuid)`);
}
