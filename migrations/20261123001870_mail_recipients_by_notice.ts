import type { Knex } from "knex";

/**
 * Asked from either side, a notice's and an identity's: of mail.places, which is two tables in one, PostgreSQL would make
 * all rows for the few that one notice needs. What it says, tests compare with what a page of notices holds.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace view mail.recipients as
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
}
