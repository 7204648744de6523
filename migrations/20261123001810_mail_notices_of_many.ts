import type { Knex } from "knex";

/** A page of notices costs the same for a person in one community and in thousands. */
export async function up(knex: Knex): Promise<void> {
  // As what an identity is told of what concerns a community's tenants; the only place that says so.
  await knex.raw(`
    create view mail.places as
      select r.identity_id, m.id as membership_id, m.tenant_id, m.community_id, m.joined_at, a.role
      from community.members r
      join community.memberships m on m.id = r.membership_id
      join (values ('ADMINISTRATOR'), ('MODERATOR')) a (role)
        on r.role = 'ADMINISTRATOR' or r.role = 'MODERATOR' and a.role = 'MODERATOR'
      union all
      select r.identity_id, m.id, m.tenant_id, m.community_id, m.joined_at, r.role
      from tenant.identity_roles r
      join community.memberships m on m.tenant_id = r.tenant_id
      where r.role = 'ACCOUNT_ADMINISTRATOR'`);
  const reaches = `
    p.joined_at <= a.at
    and (a.tenant_id is null or a.tenant_id = p.tenant_id or a.role = 'ACCOUNT_ADMINISTRATOR')`;

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
      join mail.places p on p.community_id = a.community_id and p.role = a.role and ${reaches}
      join tenant.identities i on i.id = p.identity_id and i.enabled`);

  // Backwards, for those who look through all of them: by their number the planner would do so for everybody.
  await knex.raw(`
    create index audiences_of_communities on mail.audiences ((-notice_id)) where community_id is not null`);

  for (const [name, beyond, order, orderBackwards] of [
    ["older_notices", "<", "desc", "asc"],
    ["newer_notices", ">", "asc", "desc"],
  ] as const) {
    const isSince = `(${name}.since is null
      or (select n.at from mail.notices n where n.id = a.notice_id) >= ${name}.since)`;
    const next = (from: string, condition: string) => `
      select a.notice_id from ${from} cross join lateral (
        select a.notice_id from mail.audiences a
        where ${condition} and a.notice_id ${beyond} ${name}.place and ${isSince}
        order by a.notice_id ${order} limit ${name}.size
      ) a`;
    const nextOfAll = `
      select a.*, -a.notice_id as backwards from mail.audiences a
      where a.community_id is not null and -${name}.place ${beyond} -a.notice_id
      order by -a.notice_id ${orderBackwards} limit place_count`;
    await knex.raw(`
      create or replace function mail.${name}(viewer uuid, place bigint, since timestamptz, size int)
      returns table (id bigint)
      language plpgsql stable rows 50 security definer set search_path = pg_catalog, pg_temp as $$
      #variable_conflict use_column
      declare
        me record;
        place_count int;
        found_ids bigint[];
      begin
        select i.id, i.tenant_id, u.email,
               exists (select from tenant.identity_roles r
                       where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR') as is_account_administrator
        into me
        from tenant.identities i
        left join tenant.users u on u.identity_id = i.id
        where i.uuid = ${name}.viewer and i.enabled;
        return query
          ${next("(values (me.id)) v (id)", "a.identity_id = v.id")}
          union ${next("(values (me.email)) v (email)", "a.email = v.email")}
          union ${next(
            "(values (me.tenant_id)) v (id)",
            "me.is_account_administrator and a.tenant_id = v.id and a.role = 'ACCOUNT_ADMINISTRATOR'",
          )};
        -- Who is in many communities mostly finds its own among the next of all. So few are looked through that this
        -- costs no more than to ask for those of each.
        place_count := (select count(*) from (
          select from community.memberships m where me.is_account_administrator and m.tenant_id = me.tenant_id
          union all
          select from community.members r where not me.is_account_administrator and r.identity_id = me.id
          limit 500) p);
        found_ids := array(
          select -f.backwards from (
            select distinct a.backwards from (${nextOfAll}) a
            where ${isSince} and exists (
              select from mail.places p
              where p.identity_id = me.id and p.role = a.role and ${reaches}
                and p.membership_id = (select m.id from community.memberships m
                                       where m.community_id = a.community_id and m.tenant_id = me.tenant_id)
              offset 0)
            order by a.backwards ${orderBackwards} limit ${name}.size) f);
        if cardinality(found_ids) = ${name}.size
          or place_count > (select count(*) from (${nextOfAll}) a)
        then
          return query select unnest(found_ids);
          return;
        end if;
        return query
          ${next(
            `(select * from mail.places p where p.identity_id = me.id offset 0) p`,
            `a.community_id = p.community_id and a.role = p.role and ${reaches}`,
          )};
      end $$`);
  }
}
