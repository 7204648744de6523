import type { Knex } from "knex";

/**
 * An invitation keeps the name that its community had when it was last told: once it is over, who does not see the
 * community learns no new one.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table community.invitations drop constraint invitations_community_named`);
  await knex.raw(`
    update community.invitations i set community_name = c.name
    from community.communities c where c.id = i.community_id`);
  await knex.raw(`
    alter table community.invitations alter column community_name set not null`);
}
