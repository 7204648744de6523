import type { Knex } from "knex";

/** Persons, how they prove who they are, and the state of the OpenID provider. */
export async function up(knex: Knex): Promise<void> {
  // A person exists from the moment when the e-mail is verified, which is when the first password is set.
  await knex.raw(`
    create table issuer.persons (
      id int generated always as identity constraint persons_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint persons_uuid_unique unique,
      email text not null constraint persons_email_unique unique
        constraint persons_email_lower_case check (email = lower(email)),
      name text not null constraint persons_name_length check (length(name) between 1 and 200),
      password_hash text not null,
      password_set_at timestamptz not null default now(),
      created_at timestamptz not null default now()
    )`);
  await knex.raw(`
    create table issuer.links (
      token_hash bytea not null constraint links_pkey primary key,
      email text not null constraint links_email_lower_case check (email = lower(email)),
      expires_at timestamptz not null
    )`);
  await knex.raw(`create index links_by_email on issuer.links (email)`);
  // How often something was tried since a moment, counted together by all processes.
  await knex.raw(`
    create table issuer.attempts (
      subject text not null constraint attempts_pkey primary key,
      count int not null,
      expires_at timestamptz not null
    )`);
  // What the provider's library keeps: sessions, grants, codes, interactions. A grant stands for an identity, or for
  // the person itself where identity is null.
  await knex.raw(`
    create table issuer.records (
      model text not null,
      id text not null,
      payload jsonb not null,
      account uuid generated always as ((payload ->> 'accountId')::uuid) stored,
      grant_id text generated always as (payload ->> 'grantId') stored,
      uid text generated always as (payload ->> 'uid') stored,
      identity uuid,
      consumed_at timestamptz,
      expires_at timestamptz,
      constraint records_pkey primary key (model, id)
    )`);
  await knex.raw(
    `create index records_by_account on issuer.records (account) where account is not null`,
  );
  await knex.raw(
    `create index records_by_grant on issuer.records (grant_id) where grant_id is not null`,
  );
  await knex.raw(
    `create index records_by_uid on issuer.records (model, uid) where uid is not null`,
  );
  for (const table of ["links", "attempts", "records"])
    await knex.raw(
      `create index ${table}_by_expiry on issuer.${table} (expires_at)`,
    );

  // For whoever adds a user: false, and no link, if the e-mail has a password already.
  await knex.raw(`
    create function issuer.add_link(email text, token_hash bytea, expires_at timestamptz) returns boolean
    language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
      with added as (
        insert into issuer.links (email, token_hash, expires_at)
        select lower(add_link.email), add_link.token_hash, add_link.expires_at
        where not exists (select from issuer.persons p where p.email = lower(add_link.email))
        returning 1)
      select exists (select from added)
    $$`);
  await knex.raw(`grant usage on schema issuer to tributary_tenant`);
  await knex.raw(`
    grant execute on function issuer.add_link(text, bytea, timestamptz) to tributary_tenant`);
}
