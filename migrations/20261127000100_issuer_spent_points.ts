import type { Knex } from "knex";

/**
 * What was spent of the gateway's budgets, counted together by all its processes where it is told to; in the form that
 * its library writes. Nothing is lost with it but a minute's counts, so it is not worth a log.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create unlogged table issuer.spent_points (
      key text not null constraint spent_points_pkey primary key,
      points int not null,
      expire bigint not null,
      expires_at timestamptz not null generated always as (to_timestamp(expire / 1000.0)) stored
    )`);
  await knex.raw(
    `create index spent_points_by_expiry on issuer.spent_points (expires_at)`,
  );
}
