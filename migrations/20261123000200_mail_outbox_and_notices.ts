import type { Knex } from "knex";

/** E-mails to be sent, and notices: what happened, and whom it concerns. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$ begin
      create role tributary_mail nologin;
    exception when duplicate_object or unique_violation then null;
    end $$`);
  await knex.raw(`create schema mail`);
  await knex.raw(`grant usage on schema mail to tributary_mail`);
  await knex.raw(`
    alter default privileges in schema mail
      grant select, insert, update, delete on tables to tributary_mail`);

  // No header can be forged by what a row holds: an address is one word, a subject one line.
  await knex.raw(`
    create table mail.outbox (
      id bigint generated always as identity constraint outbox_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint outbox_uuid_unique unique,
      recipient text not null constraint outbox_recipient_address
        check (recipient ~ '^[^[:space:][:cntrl:]<>,;:"()@]+@[^[:space:][:cntrl:]<>,;:"()@]+$'),
      subject text not null constraint outbox_subject_line check (subject ~ '^[^[:cntrl:]]+$'),
      text text not null,
      created_at timestamptz not null default clock_timestamp(),
      -- Of a mail that tells of a notice: it is not sent to somebody whom the notice concerns no more.
      notice_id bigint,
      identity_id int,
      attempts int not null default 0,
      -- When it may be tried, and from when on it may be tried again by others if who tries it has died.
      due_at timestamptz not null default clock_timestamp(),
      last_error text,
      -- Where no mail server is set the row stays, as the development mailbox.
      sent_at timestamptz,
      dead_at timestamptz
    )`);
  await knex.raw(`
    create index outbox_due on mail.outbox (due_at) where sent_at is null and dead_at is null`);

  // One row an event. Names are as they were then: who may not see a community or tenant any more learns no new ones.
  await knex.raw(`
    create table mail.notices (
      id bigint generated always as identity constraint notices_pkey primary key,
      uuid uuid not null default gen_random_uuid() constraint notices_uuid_unique unique,
      at timestamptz not null default clock_timestamp(),
      kind text not null,
      community uuid,
      community_name text,
      tenant uuid,
      tenant_name text,
      identities uuid[] not null,
      role text,
      stream_count int,
      due_at timestamptz,
      actor uuid,
      mailed_at timestamptz
    )`);
  await knex.raw(
    `create index notices_to_mail on mail.notices (id) where mailed_at is null`,
  );
  // Whom a notice concerns, described and not listed: one identity; whoever has an e-mail address; or those with a role,
  // in one tenant or in each tenant that was in the community then.
  await knex.raw(`
    create table mail.audiences (
      notice_id bigint not null
        constraint audiences_notice_fkey references mail.notices on delete cascade,
      at timestamptz not null,
      identity_id int,
      email text,
      community_id int,
      tenant_id int,
      role text constraint audiences_role_known
        check (role in ('ACCOUNT_ADMINISTRATOR', 'MODERATOR', 'ADMINISTRATOR')),
      as_of_now boolean not null
    )`);
  for (const [name, columns] of [
    ["notice", "notice_id"],
    ["identity", "identity_id, notice_id"],
    ["email", "email, notice_id"],
    ["community", "community_id, notice_id"],
    ["tenant", "tenant_id, notice_id"],
  ] as const)
    await knex.raw(
      `create index audiences_by_${name} on mail.audiences (${columns})
         where ${columns.split(",")[0]} is not null`,
    );

  await knex.raw(
    `create index audiences_as_of_now on mail.audiences (notice_id) where as_of_now`,
  );

  // Who sees a notice, and is told of it by e-mail; asked from either side. A tenant that joined later, or left and
  // returned, does not see what its new membership did not live through.
  await knex.raw(`
    create view mail.recipients as
      select a.notice_id, i.id as identity_id, i.uuid as identity, true as by_mail, a.as_of_now
      from mail.audiences a
      join tenant.identities i on i.id = a.identity_id and i.enabled
      union all
      -- The invitation itself went to this address.
      select a.notice_id, i.id, i.uuid, false, a.as_of_now
      from mail.audiences a
      join tenant.users u on u.email = a.email
      join tenant.identities i on i.id = u.identity_id and i.enabled
      union all
      select a.notice_id, i.id, i.uuid, true, a.as_of_now
      from mail.audiences a
      join tenant.identity_roles r on r.tenant_id = a.tenant_id and r.role = 'ACCOUNT_ADMINISTRATOR'
      join tenant.identities i on i.id = r.identity_id and i.enabled
      where a.role = 'ACCOUNT_ADMINISTRATOR'
      union all
      select a.notice_id, i.id, i.uuid, true, a.as_of_now
      from mail.audiences a
      join community.memberships m on m.community_id = a.community_id and m.joined_at <= a.at
      join tenant.identity_roles r on r.tenant_id = m.tenant_id and r.role = 'ACCOUNT_ADMINISTRATOR'
      join tenant.identities i on i.id = r.identity_id and i.enabled
      where a.role = 'ACCOUNT_ADMINISTRATOR'
      union all
      select a.notice_id, i.id, i.uuid, true, a.as_of_now
      from mail.audiences a
      join community.memberships m on m.community_id = a.community_id and m.joined_at <= a.at
       and (a.tenant_id is null or m.tenant_id = a.tenant_id)
      join community.members r on r.membership_id = m.id
       and (r.role = 'ADMINISTRATOR' or r.role = 'MODERATOR' and a.role = 'MODERATOR')
      join tenant.identities i on i.id = r.identity_id and i.enabled
      where a.role in ('MODERATOR', 'ADMINISTRATOR')`);
  await knex.raw(`
    create view mail.published_notices as
      select id, uuid, at, kind, community, community_name, tenant, tenant_name, identities, role, stream_count, due_at
      from mail.notices`);
  // Whom the worker writes to.
  await knex.raw(`
    create view mail.addresses as
      select r.notice_id, r.identity_id, r.identity, u.email
      from mail.recipients r
      join tenant.users u on u.identity_id = r.identity_id
      where r.by_mail`);

  // All that others can do: add mails and notices in their own transactions. The hint is heard at the commit.
  await knex.raw(`
    create function mail.send(mails jsonb) returns void
    language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
      insert into mail.outbox (recipient, subject, text)
      select m."to", m.subject, m.text
      from jsonb_to_recordset(send.mails) as m("to" text, subject text, text text);
      select pg_notify('tributary_mail', '')
    $$`);
  await knex.raw(`
    create function mail.notify(actor uuid, notices jsonb) returns void
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    begin
      with given as materialized (
        select gen_random_uuid() as uuid, g.place, n.*
        from jsonb_array_elements(notify.notices) with ordinality as g(notice, place),
             jsonb_to_record(g.notice) as n(kind text, "communityId" uuid, "tenantId" uuid, "identityIds" uuid[],
               role text, "streamCount" int, "dueAt" timestamptz, audience jsonb)
      ), added as (
        insert into mail.notices (uuid, kind, community, community_name, tenant, tenant_name, identities, role,
                                  stream_count, due_at, actor)
        select g.uuid, g.kind, g."communityId", c.name, g."tenantId", coalesce(m.alias, t.name),
               coalesce(g."identityIds", '{}'), g.role, g."streamCount", g."dueAt", notify.actor
        from given g
        left join community.communities c on c.uuid = g."communityId"
        left join tenant.tenants t on t.uuid = g."tenantId"
        left join community.memberships m on m.community_id = c.id and m.tenant_id = t.id
        order by g.place
        returning id, uuid, at
      )
      insert into mail.audiences (notice_id, at, identity_id, email, community_id, tenant_id, role, as_of_now)
      select n.id, n.at, i.id, a.email,
             case when a.role <> 'ACCOUNT_ADMINISTRATOR' or a.role is not null and a."tenantId" is null then c.id end,
             t.id, a.role, coalesce(a."asOfNow", false)
      from given g
      join added n on n.uuid = g.uuid
      cross join jsonb_to_recordset(g.audience) as a("identityId" uuid, email text, "tenantId" uuid, role text, "asOfNow" boolean)
      left join tenant.identities i on i.uuid = a."identityId"
      left join tenant.tenants t on t.uuid = a."tenantId"
      left join community.communities c on c.uuid = g."communityId"
      -- Who is not there cannot be told; and no description may come to mean more than it says.
      where (a."identityId" is null or i.id is not null) and (a."tenantId" is null or t.id is not null)
        and (a.role is null or a."tenantId" is not null or c.id is not null);

      -- Those who have the role now, for it is about to end.
      insert into mail.audiences (notice_id, at, identity_id, as_of_now)
      select distinct r.notice_id, clock_timestamp(), r.identity_id, false from mail.recipients r where r.as_of_now;
      delete from mail.audiences a where a.as_of_now;
      perform pg_notify('tributary_mail', '');
    end $$`);
  for (const role of ["tenant", "community", "stream", "issuer"]) {
    await knex.raw(`grant usage on schema mail to tributary_${role}`);
    await knex.raw(
      `grant execute on function mail.send(jsonb), mail.notify(uuid, jsonb) to tributary_${role}`,
    );
  }
  await knex.raw(
    `grant select on mail.published_notices, mail.recipients to tributary_community`,
  );
}
