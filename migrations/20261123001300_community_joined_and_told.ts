import type { Knex } from "knex";

/** What a tenant is told follows from when it came, and ends with what ties it to the other side. */
export async function up(knex: Knex): Promise<void> {
  // The moment itself and not its transaction's beginning, which may lie before what that waited for: who joins is told
  // nothing of what happened until then.
  await knex.raw(`
    alter table community.memberships alter column joined_at set default clock_timestamp()`);

  // An invitation keeps the name that the inviting tenant had when it was last told, as it keeps its community's.
  await knex.raw(
    `alter table community.invitations add column issuing_tenant_name text`,
  );
  await knex.raw(`
    update community.invitations i set issuing_tenant_name = t.name
    from tenant.tenants t where t.id = i.issuing_tenant_id`);
  await knex.raw(`
    alter table community.invitations alter column issuing_tenant_name set not null`);
  await knex.raw(`
    create function community.name_issuer() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      select t.name into new.issuing_tenant_name from tenant.published_tenants t where t.id = new.issuing_tenant_id;
      return new;
    end $$`);
  await knex.raw(`
    create trigger invitations_name_issuer before insert on community.invitations
      for each row execute function community.name_issuer()`);
}
