import type { Knex } from "knex";

/**
 * Namespaces, stream types, streams, access lists and shares. Every key leads with the tenant, so that the tables
 * can be distributed by it; the public uuid stands beside the integer that events are keyed by.
 */
export async function up(knex: Knex): Promise<void> {
  // An access list is a value: streams with the same list point at the same rows, found by its content's hash.
  await knex.raw(`
    create table stream.access_lists (
      tenant_id int not null constraint access_lists_tenant_fkey references tenant.tenants,
      id int generated always as identity,
      content_hash bytea not null,
      constraint access_lists_pkey primary key (tenant_id, id),
      constraint access_lists_content_unique unique (tenant_id, content_hash)
    )`);
  // rights: a sum of READ 1, WRITE 2, DELETE 4, MANAGE_ACCESS_CONTROL 8, SHARE 16.
  await knex.raw(`
    create table stream.access_entries (
      tenant_id int not null,
      list_id int not null,
      position int not null,
      effect text not null constraint access_entries_effect_known check (effect in ('ALLOW', 'DENY')),
      rights int not null constraint access_entries_rights_known check (rights between 1 and 31),
      role text constraint access_entries_role_known
        check (role in ('ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD', 'CONTRIBUTOR', 'VIEWER', 'MEMBER')),
      identity_id int,
      constraint access_entries_pkey primary key (tenant_id, list_id, position),
      constraint access_entries_one_subject check (num_nonnulls(role, identity_id) = 1),
      constraint access_entries_list_fkey foreign key (tenant_id, list_id)
        references stream.access_lists (tenant_id, id) on delete cascade
    )`);
  await knex.raw(`
    create table stream.namespaces (
      tenant_id int not null constraint namespaces_tenant_fkey references tenant.tenants,
      id int generated always as identity,
      uuid uuid not null default gen_random_uuid(),
      name text not null constraint namespaces_name_length check (length(name) between 1 and 200),
      description text,
      region text not null,
      access_list_id int not null,
      created_at timestamptz not null default now(),
      constraint namespaces_pkey primary key (tenant_id, id),
      constraint namespaces_uuid_unique unique (uuid, tenant_id),
      constraint namespaces_name_unique unique (tenant_id, name),
      constraint namespaces_access_list_fkey foreign key (tenant_id, access_list_id)
        references stream.access_lists (tenant_id, id)
    )`);
  await knex.raw(`
    create table stream.stream_types (
      tenant_id int not null,
      id int generated always as identity,
      uuid uuid not null default gen_random_uuid(),
      namespace_id int not null,
      name text not null constraint stream_types_name_length check (length(name) between 1 and 200),
      description text,
      created_at timestamptz not null default now(),
      constraint stream_types_pkey primary key (tenant_id, id),
      constraint stream_types_uuid_unique unique (uuid, tenant_id),
      constraint stream_types_name_unique unique (tenant_id, namespace_id, name),
      constraint stream_types_namespace_fkey foreign key (tenant_id, namespace_id)
        references stream.namespaces (tenant_id, id)
    )`);
  await knex.raw(`
    create table stream.properties (
      tenant_id int not null,
      type_id int not null,
      position int not null,
      name text not null constraint properties_name_length check (length(name) between 1 and 200),
      description text,
      kind text not null constraint properties_kind_known check (kind in ('FLOAT', 'INTEGER', 'BOOLEAN', 'TEXT')),
      uom text,
      interpolation text not null constraint properties_interpolation_known
        check (interpolation in ('CONTINUOUS', 'STEPWISE_PREVIOUS', 'STEPWISE_NEXT', 'DISCRETE')),
      constraint properties_pkey primary key (tenant_id, type_id, position),
      constraint properties_name_unique unique (tenant_id, type_id, name),
      constraint properties_type_fkey foreign key (tenant_id, type_id) references stream.stream_types (tenant_id, id)
    )`);
  // owner_id has no foreign key: an owner who is removed leaves the stream without one, and ids are never used again.
  await knex.raw(`
    create table stream.streams (
      tenant_id int not null,
      id int generated always as identity,
      uuid uuid not null default gen_random_uuid(),
      namespace_id int not null,
      type_id int not null,
      external_id text not null constraint streams_external_id_length check (length(external_id) between 1 and 500),
      name text not null constraint streams_name_length check (length(name) between 1 and 500),
      description text,
      tags text[] not null default '{}',
      metadata jsonb,
      extrapolation text not null default 'BOTH' constraint streams_extrapolation_known
        check (extrapolation in ('NONE', 'FORWARD', 'BACKWARD', 'BOTH')),
      owner_id int,
      access_list_id int not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint streams_pkey primary key (tenant_id, id),
      constraint streams_uuid_unique unique (uuid, tenant_id),
      constraint streams_external_id_unique unique (tenant_id, namespace_id, external_id),
      constraint streams_namespace_fkey foreign key (tenant_id, namespace_id)
        references stream.namespaces (tenant_id, id),
      constraint streams_type_fkey foreign key (tenant_id, type_id) references stream.stream_types (tenant_id, id),
      constraint streams_access_list_fkey foreign key (tenant_id, access_list_id)
        references stream.access_lists (tenant_id, id)
    )`);
  await knex.raw(`
    create table stream.property_overrides (
      tenant_id int not null,
      stream_id int not null,
      position int not null,
      uom text,
      interpolation text constraint property_overrides_interpolation_known
        check (interpolation in ('CONTINUOUS', 'STEPWISE_PREVIOUS', 'STEPWISE_NEXT', 'DISCRETE')),
      constraint property_overrides_pkey primary key (tenant_id, stream_id, position),
      constraint property_overrides_stream_fkey foreign key (tenant_id, stream_id)
        references stream.streams (tenant_id, id) on delete cascade
    )`);
  // A share names the sharing membership and dies with it; one of another tenant's membership cannot be written.
  await knex.raw(`
    create table stream.shares (
      tenant_id int not null,
      id int generated always as identity,
      uuid uuid not null default gen_random_uuid(),
      stream_id int not null,
      membership_id int not null,
      shared_by uuid not null,
      shared_at timestamptz not null default now(),
      constraint shares_pkey primary key (tenant_id, id),
      constraint shares_uuid_unique unique (uuid, tenant_id),
      constraint shares_once unique (tenant_id, stream_id, membership_id),
      constraint shares_stream_fkey foreign key (tenant_id, stream_id)
        references stream.streams (tenant_id, id) on delete cascade,
      constraint shares_membership_fkey foreign key (membership_id, tenant_id)
        references community.memberships (id, tenant_id) on delete cascade
    )`);
  await knex.raw(
    `create index shares_by_membership on stream.shares (membership_id, stream_id)`,
  );
}
