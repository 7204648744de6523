import type { Knex } from "knex";

/** Communities, the tenants in them, and the identities that take part. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table community.communities (
      id int generated always as identity constraint communities_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint communities_uuid_unique unique,
      name text not null constraint communities_name_length check (length(name) between 1 and 200),
      description text,
      preferred_region text,
      owner_tenant_id int not null constraint communities_owner_fkey references tenant.tenants,
      created_at timestamptz not null default now()
    )`);
  await knex.raw(`
    create table community.memberships (
      id int generated always as identity constraint memberships_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint memberships_uuid_unique unique,
      community_id int not null
        constraint memberships_community_fkey references community.communities on delete cascade,
      tenant_id int not null constraint memberships_tenant_fkey references tenant.tenants,
      status text not null default 'ACTIVE' constraint memberships_status_known check (status in ('ACTIVE', 'PAUSED')),
      alias text,
      contact_email text,
      joined_at timestamptz not null default now(),
      constraint memberships_once unique (community_id, tenant_id),
      constraint memberships_tenant_unique unique (id, tenant_id)
    )`);
  await knex.raw(
    `create index memberships_by_tenant on community.memberships (tenant_id)`,
  );
  // Removing an identity in its tenant, or ending a membership, takes the roles here with it in the same commit.
  await knex.raw(`
    create table community.members (
      membership_id int not null,
      tenant_id int not null,
      identity_id int not null,
      role text not null constraint members_role_known check (role in ('MEMBER', 'MODERATOR', 'ADMINISTRATOR')),
      added_at timestamptz not null default now(),
      added_by uuid,
      constraint members_pkey primary key (membership_id, identity_id),
      constraint members_membership_fkey foreign key (membership_id, tenant_id)
        references community.memberships (id, tenant_id) on delete cascade,
      constraint members_identity_fkey foreign key (tenant_id, identity_id)
        references tenant.identities (tenant_id, id) on delete cascade
    )`);
  await knex.raw(
    `create index members_by_identity on community.members (identity_id)`,
  );
}
