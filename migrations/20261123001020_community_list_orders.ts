import type { Knex } from "knex";

/**
 * A page of a community's lists costs what is on it: what a list is ordered by stands on its own rows, with an index.
 * The owner's membership is marked, and a member has its identity's kind and name, which the database keeps the same.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table community.memberships add column is_owner boolean not null default false`);
  await knex.raw(`
    update community.memberships m set is_owner = true
    from community.communities c where c.id = m.community_id and c.owner_tenant_id = m.tenant_id`);
  await knex.raw(`
    create index memberships_owner_first on community.memberships (community_id, ((not is_owner)::int), joined_at, uuid)`);
  await knex.raw(`
    create function community.mark_owner() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      new.is_owner := exists (select from community.communities c
                              where c.id = new.community_id and c.owner_tenant_id = new.tenant_id);
      return new;
    end $$`);
  await knex.raw(`
    create trigger memberships_mark_owner before insert on community.memberships
      for each row execute function community.mark_owner()`);
  await knex.raw(`
    create function community.move_owner() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      update community.memberships m set is_owner = not m.is_owner
      where m.community_id = new.id and m.tenant_id in (old.owner_tenant_id, new.owner_tenant_id);
      return null;
    end $$`);
  await knex.raw(`
    create trigger communities_move_owner after update of owner_tenant_id on community.communities
      for each row when (old.owner_tenant_id <> new.owner_tenant_id) execute function community.move_owner()`);

  await knex.raw(`
    alter table tenant.identities add constraint identities_described unique (tenant_id, id, kind, name)`);
  await knex.raw(
    `alter table community.members add column kind text, add column name text`,
  );
  await knex.raw(`
    update community.members r set kind = i.kind, name = i.name from tenant.identities i where i.id = r.identity_id`);
  await knex.raw(`
    alter table community.members
      alter column kind set not null, alter column name set not null,
      drop constraint members_identity_fkey,
      add constraint members_identity_fkey foreign key (tenant_id, identity_id, kind, name)
        references tenant.identities (tenant_id, id, kind, name) on update cascade on delete cascade`);
  await knex.raw(`
    create index members_by_name on community.members (membership_id, lower(name), identity_id)`);
  // By both keys: an identity in thousands of communities is found in one of them at once.
  await knex.raw(`drop index community.members_by_identity`);
  await knex.raw(
    `create index members_by_identity on community.members (identity_id, membership_id)`,
  );
  await knex.raw(`
    create function community.describe_member() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      select i.kind, i.name into new.kind, new.name from tenant.published_identities i where i.id = new.identity_id;
      return new;
    end $$`);
  await knex.raw(`
    create trigger members_describe before insert on community.members
      for each row execute function community.describe_member()`);

  await knex.raw(`
    create index waiting_tenants_by_state on community.waiting_tenants (sharing_id, state, waiting_id)`);
}
