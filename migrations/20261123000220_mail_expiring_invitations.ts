import type { Knex } from "knex";

/** Notices of what the clock brings about: an open invitation that is about to end. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index invitations_ending on community.invitations (expires_at) where state in ('CREATED', 'ACCEPTED')`);
  // Which ends have been told of; a link that was sent again has another end.
  await knex.raw(`
    create table mail.told_ends (
      invitation uuid not null,
      expires_at timestamptz not null,
      constraint told_ends_pkey primary key (invitation, expires_at)
    )`);
  // To who can still do something: the community's administrators, and the addressee, or who has accepted. An invitation
  // that was never going to last longer than that needs no reminder.
  await knex.raw(`
    create function mail.tell_of_ends(within interval) returns void
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    declare
      notices jsonb;
    begin
      with told as (
        insert into mail.told_ends (invitation, expires_at)
        select i.uuid, i.expires_at
        from community.invitations i
        where i.state in ('CREATED', 'ACCEPTED') and i.community_id is not null
          and i.expires_at > clock_timestamp() and i.expires_at <= clock_timestamp() + tell_of_ends.within
          and i.expires_at - coalesce(i.accepted_at, i.sent_at) > tell_of_ends.within
        order by i.uuid
        on conflict do nothing
        returning invitation
      )
      select jsonb_agg(jsonb_build_object(
               'kind', 'INVITATION_EXPIRING', 'communityId', c.uuid, 'tenantId', t.uuid, 'dueAt', i.expires_at,
               'audience', jsonb_build_array(
                 jsonb_build_object('role', 'ADMINISTRATOR'),
                 case when t.uuid is null then jsonb_build_object('email', i.email)
                      else jsonb_build_object('role', 'ACCOUNT_ADMINISTRATOR', 'tenantId', t.uuid) end))
               order by i.expires_at)
      into notices
      from told
      join community.invitations i on i.uuid = told.invitation
      join community.communities c on c.id = i.community_id
      left join tenant.tenants t on t.id = i.accepting_tenant_id and i.state = 'ACCEPTED';
      if notices is not null then
        perform mail.notify(null, notices);
      end if;
      delete from mail.told_ends e where e.expires_at < clock_timestamp();
    end $$`);
  await knex.raw(
    `grant execute on function mail.tell_of_ends(interval) to tributary_mail`,
  );
}
