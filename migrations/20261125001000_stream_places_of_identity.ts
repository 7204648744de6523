import type { Knex } from "knex";

/** Where an identity takes part is a stretch of one index: a member carries its membership's community, which never changes. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`alter table community.members add column community_id int`);
  await knex.raw(`
    update community.members r set community_id = m.community_id
    from community.memberships m where m.id = r.membership_id`);
  await knex.raw(
    `alter table community.members alter column community_id set not null`,
  );
  await knex.raw(`
    create or replace function community.describe_member() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      select i.kind, i.name into new.kind, new.name from tenant.published_identities i where i.id = new.identity_id;
      select m.community_id into new.community_id from community.memberships m where m.id = new.membership_id;
      return new;
    end $$`);
  await knex.raw(`drop index community.members_by_identity`);
  await knex.raw(
    `create index members_by_identity on community.members (identity_id, membership_id) include (community_id, tenant_id)`,
  );
  await knex.raw(`
    create or replace view community.published_members as
      select membership_id, tenant_id, identity_id, role, name, community_id from community.members`);
  await knex.raw(`
    create or replace function stream.participations(viewer uuid)
    returns table (community_id int, membership_id int, tenant_id int, identity_id int, role text)
    language sql stable as $$
      select me.community_id, me.membership_id, me.tenant_id, i.id, me.role
      from tenant.published_identities i
      join community.published_members me on me.identity_id = i.id
      where i.uuid = participations.viewer and i.enabled
    $$`);
}
