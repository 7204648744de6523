import type { Knex } from "knex";

/** Which user somebody is who signs in at an outside issuer. */
export async function up(knex: Knex): Promise<void> {
  // A user has one subject, and a subject one user of a tenant. A removed user takes the link along; a user whom the
  // tenant adds anew can be linked anew.
  await knex.raw(`
    create table issuer.linked_subjects (
      identity uuid not null constraint linked_subjects_pkey primary key
        constraint linked_subjects_identity_fkey references tenant.identities (uuid) on delete cascade,
      tenant uuid not null,
      issuer text not null,
      subject text not null,
      linked_at timestamptz not null default now(),
      constraint linked_subjects_once unique (issuer, subject, tenant)
    )`);
  // An issuer may be trusted for some domains only, of linked users too.
  await knex.raw(`
    create function tenant.email_of_user(identity uuid) returns text
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select u.email from tenant.identities i join tenant.users u on u.identity_id = i.id
      where i.uuid = email_of_user.identity
    $$`);
  await knex.raw(`
    grant execute on function tenant.email_of_user(uuid), tenant.lock_identities(int[], uuid[])
      to tributary_issuer`);
}
