import type { Knex } from "knex";

/** Where a subject was at home is kept for a time after its last link has gone, and not for good. */
export async function up(knex: Knex): Promise<void> {
  // Null as long as the subject is linked anywhere.
  await knex.raw(
    `alter table issuer.subject_tenants add column expires_at timestamptz`,
  );
  await knex.raw(
    `grant update (expires_at), delete on issuer.subject_tenants to tributary_issuer`,
  );
}
