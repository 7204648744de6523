import type { Knex } from "knex";

/** Tenants, their entitlements and their identities: users, clients, roles, secrets. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table tenant.tenants (
      id int generated always as identity constraint tenants_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint tenants_uuid_unique unique,
      name text not null constraint tenants_name_length check (length(name) between 1 and 200),
      region text,
      created_at timestamptz not null default now()
    )`);
  await knex.raw(`
    create table tenant.entitlements (
      tenant_id int not null constraint entitlements_tenant_fkey references tenant.tenants on delete cascade,
      entitlement text not null constraint entitlements_known check (entitlement in ('COMMUNITIES')),
      granted_at timestamptz not null default now(),
      constraint entitlements_pkey primary key (tenant_id, entitlement)
    )`);
  await knex.raw(`
    create table tenant.identities (
      tenant_id int not null constraint identities_tenant_fkey references tenant.tenants on delete cascade,
      id int generated always as identity constraint identities_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint identities_uuid_unique unique,
      kind text not null constraint identities_kind_known check (kind in ('USER', 'CLIENT')),
      name text not null constraint identities_name_length check (length(name) between 1 and 200),
      enabled boolean not null default true,
      created_at timestamptz not null default now(),
      constraint identities_tenant_unique unique (tenant_id, id)
    )`);
  await knex.raw(`
    create table tenant.identity_roles (
      tenant_id int not null,
      identity_id int not null,
      role text not null constraint identity_roles_known
        check (role in ('ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD', 'CONTRIBUTOR', 'VIEWER')),
      constraint identity_roles_pkey primary key (identity_id, role),
      constraint identity_roles_identity_fkey foreign key (tenant_id, identity_id)
        references tenant.identities (tenant_id, id) on delete cascade
    )`);
  await knex.raw(
    `create index identity_roles_by_tenant on tenant.identity_roles (tenant_id, role)`,
  );
  await knex.raw(`
    create table tenant.users (
      tenant_id int not null,
      identity_id int not null constraint users_pkey primary key,
      email text not null constraint users_email_lower_case check (email = lower(email)),
      constraint users_email_unique unique (tenant_id, email),
      constraint users_identity_fkey foreign key (tenant_id, identity_id)
        references tenant.identities (tenant_id, id) on delete cascade
    )`);
  await knex.raw(`create index users_by_email on tenant.users (email)`);
  await knex.raw(`
    create table tenant.clients (
      tenant_id int not null,
      identity_id int not null constraint clients_pkey primary key,
      client_id text not null constraint clients_client_id_unique unique,
      constraint clients_identity_fkey foreign key (tenant_id, identity_id)
        references tenant.identities (tenant_id, id) on delete cascade
    )`);
  // A secret is 256 random bits, so one round of SHA-256 is as good as a slow hash, and cheap to check.
  await knex.raw(`
    create table tenant.client_secrets (
      tenant_id int not null,
      identity_id int not null,
      id int generated always as identity constraint client_secrets_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint client_secrets_uuid_unique unique,
      hash bytea not null,
      hint text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      constraint client_secrets_identity_fkey foreign key (tenant_id, identity_id)
        references tenant.identities (tenant_id, id) on delete cascade
    )`);
  await knex.raw(
    `create index client_secrets_by_identity on tenant.client_secrets (identity_id)`,
  );
}
