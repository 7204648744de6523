import type { Knex } from "knex";

/**
 * Rule 17: a tenant that is new in a community, for each membership there that opens to new tenants only after
 * approval. It waits, or was refused, as long as the row is there; either membership takes it along.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table community.waiting_tenants (
      sharing_id int not null
        constraint waiting_tenants_sharing_fkey references community.memberships on delete cascade,
      waiting_id int not null
        constraint waiting_tenants_waiting_fkey references community.memberships on delete cascade,
      state text not null default 'WAITING'
        constraint waiting_tenants_state_known check (state in ('WAITING', 'REFUSED')),
      constraint waiting_tenants_pkey primary key (sharing_id, waiting_id)
    )`);
  await knex.raw(
    `create index waiting_tenants_by_waiting on community.waiting_tenants (waiting_id)`,
  );
  await knex.raw(`
    create view community.published_waiting_tenants as
      select sharing_id, waiting_id from community.waiting_tenants`);
  await knex.raw(
    `grant select on community.published_waiting_tenants to tributary_stream`,
  );
}
