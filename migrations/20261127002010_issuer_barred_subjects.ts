import type { Knex } from "knex";

/** What is left of a link that has gone: where the subject was at home, and whom an operator took from it. */
export async function up(knex: Knex): Promise<void> {
  // Whoever was linked once is led into no other tenant without asking for it, whatever became of the user at home.
  await knex.raw(`
    create table issuer.subject_tenants (
      issuer text not null,
      subject text not null,
      tenant uuid not null,
      constraint subject_tenants_pkey primary key (issuer, subject, tenant)
    )`);
  await knex.raw(`
    insert into issuer.subject_tenants (issuer, subject, tenant)
    select issuer, subject, tenant from issuer.linked_subjects`);
  await knex.raw(`
    create table issuer.barred_subjects (
      identity uuid not null
        constraint barred_subjects_identity_fkey references tenant.identities (uuid) on delete cascade,
      issuer text not null,
      subject text not null,
      constraint barred_subjects_pkey primary key (identity, issuer, subject)
    )`);
  // The operator alone bars, and takes it back.
  await knex.raw(
    `revoke insert, update, delete on issuer.barred_subjects from tributary_issuer`,
  );
  await knex.raw(
    `revoke update, delete on issuer.subject_tenants from tributary_issuer`,
  );
}
