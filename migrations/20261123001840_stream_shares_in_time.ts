import type { Knex } from "knex";

/** What others share is listed by when they did: of one community along an index that there is, of all along this one. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index shares_of_all_by_time on stream.shares (shared_at, uuid)`,
  );
}
