import type { Knex } from "knex";

/** To which communities a tenant came since a time, among thousands. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index memberships_joined_since on community.memberships (tenant_id, joined_at) include (community_id)`,
  );
  await knex.raw(`
    create or replace view community.published_joinings as
      select id as membership_id, community_id, joined_at, tenant_id from community.memberships`);
}
