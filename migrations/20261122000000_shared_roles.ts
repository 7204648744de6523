import type { Knex } from "knex";

const roles = ["tenant", "community", "stream", "issuer"];

/** One schema and one non-owner role per subgraph and for the issuer; the ledger has a schema and no role. */
export async function up(knex: Knex): Promise<void> {
  for (const role of roles) {
    // Roles belong to the cluster: another database of it may have made them, perhaps at this moment.
    await knex.raw(`
      do $$ begin
        create role tributary_${role} nologin;
      exception when duplicate_object or unique_violation then null;
      end $$`);
    await knex.raw(`create schema ${role}`);
    await knex.raw(`grant usage on schema ${role} to tributary_${role}`);
    await knex.raw(`
      alter default privileges in schema ${role}
        grant select, insert, update, delete on tables to tributary_${role}`);
    await knex.raw(`
      alter default privileges in schema ${role} grant execute on functions to tributary_${role}`);
  }
  await knex.raw(`create schema ledger`);
  // What is published to another role is granted by name, function by function.
  await knex.raw(
    `alter default privileges revoke execute on functions from public`,
  );
}
