import type { Knex } from "knex";

/** Since when each tenant is in a community: who reads something newly is one who came, or to whom it was shared. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index memberships_by_joining on community.memberships (community_id, joined_at)`,
  );
  await knex.raw(`
    create view community.published_joinings as
      select id as membership_id, community_id, joined_at from community.memberships`);
  await knex.raw(
    `grant select on community.published_joinings to tributary_stream`,
  );
}
