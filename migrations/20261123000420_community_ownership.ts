import type { Knex } from "knex";

/** Ownership on its way to the tenant of a membership: offered, and once accepted announced until it takes effect. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table community.ownership_offers (
      community_id int not null constraint ownership_offers_pkey primary key
        constraint ownership_offers_community_fkey references community.communities on delete cascade,
      membership_id int not null
        constraint ownership_offers_membership_fkey references community.memberships on delete cascade,
      offered_by uuid not null,
      offered_at timestamptz not null default now(),
      accepted_by uuid,
      accepted_at timestamptz,
      effective_at timestamptz,
      constraint ownership_offers_accepted_whole
        check (num_nonnulls(accepted_by, accepted_at, effective_at) in (0, 3))
    )`);
  await knex.raw(
    `create index ownership_offers_by_membership on community.ownership_offers (membership_id)`,
  );
  await knex.raw(
    `create index ownership_offers_by_effect on community.ownership_offers (effective_at)`,
  );
}
