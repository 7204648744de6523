import type { Knex } from "knex";

/**
 * What a tenant decides for itself: whether its community moderators must be account administrators, whether sharers
 * meet its identities by pseudonym, and whose users besides account administrators may create a community.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table tenant.tenants
      add column moderators_are_administrators boolean not null default true,
      add column uses_pseudonyms boolean not null default false,
      add column community_founders text[] not null default '{}'
        constraint tenants_community_founders_known
          check (community_founders <@ array['DATA_STEWARD', 'CONTRIBUTOR', 'VIEWER', 'MEMBER'])`);
  await knex.raw(`
    create view tenant.published_settings as
      select id as tenant_id, moderators_are_administrators, uses_pseudonyms, community_founders from tenant.tenants`);

  // To keep the settings of these tenants as they are, and to change them. Comes after a tenant's row and before its
  // identities. The place in the queue is the whole lock (docs/decisions/locks.md): a share lock of the row would wait
  // for every change of the tenant's identities too.
  for (const [name, queue] of [
    ["lock_settings", "pg_advisory_xact_lock_shared"],
    ["claim_settings", "pg_advisory_xact_lock"],
  ])
    await knex.raw(`
      create function tenant.${name}(tenants int[]) returns void
      language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
      begin
        perform ${queue}(hashtext('tenant.settings'), q.place)
          from (select distinct id % 64 as place from unnest(${name}.tenants) id order by place) q;
      end $$`);

  await knex.raw(
    `grant select on tenant.published_settings to tributary_community, tributary_stream`,
  );
  await knex.raw(
    `grant execute on function tenant.lock_settings(int[]) to tributary_community`,
  );
}
