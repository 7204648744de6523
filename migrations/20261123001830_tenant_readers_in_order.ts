import type { Knex } from "knex";

/** Who reads is listed by name, along an index, and by mark only where there is no name to see. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create view tenant.published_pseudonyms as
      select id as tenant_id from tenant.tenants where uses_pseudonyms`);
  await knex.raw(
    `grant select on tenant.published_pseudonyms to tributary_stream`,
  );
  await knex.raw(`
    create or replace view community.published_members as
      select membership_id, tenant_id, identity_id, role, name from community.members`);
  // What is read of a member is in the index, or PostgreSQL would rather sort all members of an average, small tenant.
  await knex.raw(`drop index community.members_by_name`);
  await knex.raw(
    `create index members_by_name on community.members (membership_id, lower(name), identity_id) include (role, name)`,
  );
}
