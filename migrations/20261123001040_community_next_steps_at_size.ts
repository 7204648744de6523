import type { Knex } from "knex";

/** What a person can do next is found without looking at all that the tenant is in, or at all users there are. */
export async function up(knex: Knex): Promise<void> {
  // C6, as before: by either key, each with its index.
  await knex.raw(`
    create or replace function tenant.users_of_caller(identity uuid, email text)
    returns table (id int, uuid uuid, tenant_id int, tenant_created_at timestamptz, name text, email text)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select i.id, i.uuid, t.id, t.created_at, i.name, u.email
      from (
        select i.id from tenant.identities i where i.uuid = users_of_caller.identity
        union all
        select u.identity_id from tenant.users u
        where users_of_caller.identity is null and u.email = users_of_caller.email
      ) caller
      join tenant.users u on u.identity_id = caller.id
      join tenant.identities i on i.id = u.identity_id and i.enabled
      join tenant.tenants t on t.id = u.tenant_id
    $$`);

  await knex.raw(
    `create index memberships_joined_last on community.memberships (tenant_id, id)`,
  );
  await knex.raw(`drop index community.memberships_by_tenant`);
  await knex.raw(`
    create index memberships_paused on community.memberships (tenant_id, id) where status = 'PAUSED'`);
  await knex.raw(`
    create index memberships_after_approval on community.memberships (tenant_id, id)
      where new_tenants_read = 'AFTER_APPROVAL'`);
  await knex.raw(`
    create index members_leading on community.members (membership_id) where role <> 'MEMBER'`);
  await knex.raw(
    `create index communities_by_owner on community.communities (owner_tenant_id)`,
  );
  await knex.raw(`
    create index ownership_offers_open on community.ownership_offers (membership_id) where accepted_at is null`);
}
