import type { Knex } from "knex";

/** What is asked of members most often is answered by an index alone, which PostgreSQL prefers even where another costs less. */
export async function up(knex: Knex): Promise<void> {
  // All that a list shows, or it would rather sort all who hold a word than go along their names.
  await knex.raw(`drop index community.members_by_name`);
  await knex.raw(
    `create index members_by_name on community.members (membership_id, lower(name), identity_id)
     include (role, name, added_at, added_by)`,
  );
  // An identity's role, or it would be looked for among the names of all who take part through its membership.
  await knex.raw(`drop index community.members_by_identity`);
  await knex.raw(
    `create index members_by_identity on community.members (identity_id, membership_id)
     include (community_id, tenant_id, role)`,
  );
}
