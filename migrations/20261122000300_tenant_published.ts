import type { Knex } from "knex";

/** What the other subgraphs and the issuer may know of tenants and identities, and how they lock them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create view tenant.published_tenants as select id, uuid, name from tenant.tenants`);
  await knex.raw(`
    create view tenant.published_entitlements as select tenant_id, entitlement from tenant.entitlements`);
  await knex.raw(`
    create view tenant.published_identities as
      select id, uuid, tenant_id, kind, name, enabled from tenant.identities`);
  await knex.raw(`
    create view tenant.published_roles as select tenant_id, identity_id, role from tenant.identity_roles`);

  // To keep identities of these tenants as they are, and to change them. First a place in the queue, then the rows,
  // both in the order of ids; then a statement of its own that reads, which sees what was waited for
  // (docs/decisions/locks.md).
  for (const [name, queue, mode] of [
    ["lock_identities", "pg_advisory_xact_lock_shared", "share"],
    ["claim_identities", "pg_advisory_xact_lock", "update"],
  ])
    await knex.raw(`
      create function tenant.${name}(tenants int[], identities uuid[])
      returns table (id int, uuid uuid, tenant_id int, kind text, enabled boolean, roles text[])
      language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
      begin
        perform ${queue}(hashtext('tenant.identities'), q.place)
          from (select distinct i.id % 64 as place from tenant.identities i
                where i.tenant_id = any (${name}.tenants) and i.uuid = any (${name}.identities) order by place) q;
        perform from tenant.identities i
          where i.tenant_id = any (${name}.tenants) and i.uuid = any (${name}.identities)
          order by i.id for ${mode};
        return query
          select i.id, i.uuid, i.tenant_id, i.kind, i.enabled,
                 array(select r.role from tenant.identity_roles r where r.identity_id = i.id order by r.role)
          from tenant.identities i
          where i.tenant_id = any (${name}.tenants) and i.uuid = any (${name}.identities);
      end $$`);

  // For the issuer: which users a verified e-mail has, and what a client id can sign in with.
  await knex.raw(`
    create function tenant.users_of_email(email text)
    returns table (identity_id uuid, name text, tenant_id uuid, tenant_name text)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select i.uuid, i.name, t.uuid, t.name
      from tenant.users u
      join tenant.identities i on i.id = u.identity_id and i.enabled
      join tenant.tenants t on t.id = u.tenant_id
      where u.email = lower(users_of_email.email)
      order by t.name, t.uuid
    $$`);
  await knex.raw(`
    create function tenant.secrets_of_client(client_id text)
    returns table (identity_id uuid, name text, secret_id uuid, hash bytea)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select i.uuid, i.name, s.uuid, s.hash
      from tenant.clients c
      join tenant.identities i on i.id = c.identity_id and i.enabled
      left join tenant.client_secrets s
        on s.identity_id = c.identity_id and (s.expires_at is null or s.expires_at > clock_timestamp())
      where c.client_id = secrets_of_client.client_id
    $$`);
  await knex.raw(`
    create function tenant.secret_used(secret uuid, at timestamptz) returns void
    language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
      update tenant.client_secrets set last_used_at = secret_used.at where uuid = secret_used.secret
    $$`);

  for (const role of ["community", "stream", "issuer"]) {
    await knex.raw(`grant usage on schema tenant to tributary_${role}`);
    await knex.raw(`
      grant select on tenant.published_tenants, tenant.published_identities to tributary_${role}`);
  }
  for (const role of ["community", "stream"]) {
    await knex.raw(`
      grant select on tenant.published_entitlements, tenant.published_roles to tributary_${role}`);
    await knex.raw(
      `grant execute on function tenant.lock_identities(int[], uuid[]) to tributary_${role}`,
    );
  }
  await knex.raw(
    `grant execute on function tenant.users_of_email(text) to tributary_issuer`,
  );
  await knex.raw(
    `grant execute on function tenant.secrets_of_client(text) to tributary_issuer`,
  );
  await knex.raw(
    `grant execute on function tenant.secret_used(uuid, timestamptz) to tributary_issuer`,
  );
}
