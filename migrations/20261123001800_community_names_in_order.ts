import type { Knex } from "knex";

/** Who is in many communities finds its own along this index, among the next of all. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index communities_by_name on community.communities (lower(name), uuid)`,
  );
}
