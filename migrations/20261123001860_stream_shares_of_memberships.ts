import type { Knex } from "knex";

/** Published for the community, whose ledger tells how many shares ended with a membership. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function stream.count_shares(memberships int[]) returns bigint
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select count(*) from stream.shares h where h.membership_id = any (count_shares.memberships)
    $$`);
  await knex.raw(
    `grant execute on function stream.count_shares(int[]) to tributary_community`,
  );
}
