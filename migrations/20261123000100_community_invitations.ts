import type { Knex } from "knex";

/** The three-way handshake that makes memberships, what it asks of tenants, and what it lets tenants know. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table community.memberships
      add column new_tenants_read text not null default 'AT_ONCE'
        constraint memberships_new_tenants_read_known check (new_tenants_read in ('AT_ONCE', 'AFTER_APPROVAL'))`);

  // An invitation outlives its community, whose name it keeps then: the tenant that had accepted it still finds it.
  // EXPIRED is no stored state: it is what expires_at says. The link's token is 256 random bits, so one round of
  // SHA-256 is as good as a slow hash.
  await knex.raw(`
    create table community.invitations (
      id int generated always as identity constraint invitations_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint invitations_uuid_unique unique,
      community_id int constraint invitations_community_fkey references community.communities,
      community_name text,
      issuing_tenant_id int not null constraint invitations_issuing_tenant_fkey references tenant.tenants,
      issued_by uuid not null,
      issued_by_name text not null,
      issued_at timestamptz not null default clock_timestamp(),
      email text not null constraint invitations_email_lower_case check (email = lower(email)),
      message text,
      token_hash bytea not null constraint invitations_token_unique unique,
      sent_at timestamptz not null default clock_timestamp(),
      expires_at timestamptz not null,
      state text not null default 'CREATED' constraint invitations_state_known
        check (state in ('CREATED', 'ACCEPTED', 'CONFIRMED', 'DECLINED', 'WITHDRAWN', 'CANCELLED')),
      accepting_tenant_id int constraint invitations_accepting_tenant_fkey references tenant.tenants,
      accepting_tenant_created_at timestamptz,
      accepted_by uuid,
      accepted_by_name text,
      accepted_by_email text,
      accepted_at timestamptz,
      moderators uuid[],
      alias text,
      contact_email text,
      new_tenants_read text constraint invitations_new_tenants_read_known
        check (new_tenants_read in ('AT_ONCE', 'AFTER_APPROVAL')),
      constraint invitations_community_named check ((community_id is null) = (community_name is not null)),
      constraint invitations_acceptance_whole check (
        num_nulls(accepting_tenant_id, accepting_tenant_created_at, accepted_by, accepted_by_name, accepted_by_email,
                  accepted_at, moderators, contact_email, new_tenants_read) in (0, 9)),
      constraint invitations_acceptance_there
        check (accepted_at is not null or state not in ('ACCEPTED', 'CONFIRMED', 'CANCELLED'))
    )`);
  await knex.raw(`
    create index invitations_by_community on community.invitations (community_id, issued_at desc, uuid desc)`);
  await knex.raw(`
    create index invitations_by_accepting_tenant on community.invitations (accepting_tenant_id, accepted_at desc, uuid desc)
      where accepting_tenant_id is not null`);
  await knex.raw(`
    create index invitations_accepted on community.invitations (community_id) where state = 'ACCEPTED'`);
  await knex.raw(`
    create index invitations_by_issuing_tenant on community.invitations (issuing_tenant_id, issued_at)`);
  await knex.raw(`
    create index invitations_declined on community.invitations (issuing_tenant_id, email) where state = 'DECLINED'`);

  // C6: as whom a caller can answer an invitation: the user that its token names, or, while its token still names none,
  // the users of its verified e-mail.
  await knex.raw(`
    create function tenant.users_of_caller(identity uuid, email text)
    returns table (id int, uuid uuid, tenant_id int, tenant_created_at timestamptz, name text, email text)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select i.id, i.uuid, t.id, t.created_at, i.name, u.email
      from tenant.users u
      join tenant.identities i on i.id = u.identity_id and i.enabled
      join tenant.tenants t on t.id = u.tenant_id
      where i.uuid = users_of_caller.identity
        or (users_of_caller.identity is null and u.email = users_of_caller.email)
    $$`);
  await knex.raw(`
    grant execute on function tenant.users_of_caller(uuid, text) to tributary_community`);

  // T5: whether the token of this hash belongs to an invitation that can be accepted.
  await knex.raw(`
    create function community.is_invited(token_hash bytea) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select exists (
        select from community.invitations i
        where i.token_hash = is_invited.token_hash and i.state = 'CREATED' and i.expires_at > statement_timestamp())
    $$`);
  await knex.raw(`
    grant execute on function community.is_invited(bytea) to tributary_tenant`);

  // T3, as before, and while an acceptance waits: the owner's administrators and AAs meet the tenant that accepted, whose
  // AAs meet the owner and whoever invited.
  await knex.raw(`
    create or replace function community.met_tenants(viewer uuid) returns table (tenant_id int)
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return query select other.tenant_id
      from tenant.identities i
      join community.memberships own on own.tenant_id = i.tenant_id
      join community.memberships other on other.community_id = own.community_id and other.tenant_id <> own.tenant_id
      where i.uuid = met_tenants.viewer and i.enabled
        and (exists (select from community.members r where r.membership_id = own.id and r.identity_id = i.id)
          or exists (select from tenant.identity_roles r
                     where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR'));
      return query select p.accepting_tenant_id
      from tenant.identities i
      join community.communities c on c.owner_tenant_id = i.tenant_id
      join community.memberships own on own.community_id = c.id and own.tenant_id = i.tenant_id
      join community.invitations p on p.community_id = c.id and p.state = 'ACCEPTED' and p.expires_at > statement_timestamp()
      where i.uuid = met_tenants.viewer and i.enabled
        and (exists (select from community.members r
                     where r.membership_id = own.id and r.identity_id = i.id and r.role = 'ADMINISTRATOR')
          or exists (select from tenant.identity_roles r
                     where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR'));
      return query select unnest(array[c.owner_tenant_id, p.issuing_tenant_id])
      from tenant.identities i
      join tenant.identity_roles r on r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR'
      join community.invitations p on p.accepting_tenant_id = i.tenant_id
       and p.state = 'ACCEPTED' and p.expires_at > statement_timestamp()
      join community.communities c on c.id = p.community_id
      where i.uuid = met_tenants.viewer and i.enabled;
    end $$`);
}
