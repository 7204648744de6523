import type { Knex } from "knex";

/** Who has an e-mail is told by how somebody signed in, not by what a tenant wrote of its user. */
export async function up(knex: Knex): Promise<void> {
  // At the built-in issuer all prove it; who is an account of an outside one may not have.
  await knex.raw(`
    alter table community.invitations add column accepted_by_proven_email boolean not null default true`);
  await knex.raw(`
    update community.invitations i set accepted_by_proven_email = false
    from issuer.linked_subjects l
    where l.identity = i.accepted_by and i.state = 'ACCEPTED'`);

  // What went to an e-mail, as an invitation does, concerns the viewer who has proved to have it.
  const reaches = `
    p.joined_at <= a.at
    and (a.tenant_id is null or a.tenant_id = p.tenant_id or a.role = 'ACCOUNT_ADMINISTRATOR')`;

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
    await knex.raw(
      `drop function mail.${name}(uuid, bigint, timestamptz, int)`,
    );
    await knex.raw(`
      create function mail.${name}(viewer uuid, is_email_proven boolean, place bigint, since timestamptz, size int)
      returns table (id bigint)
      language plpgsql stable rows 50 security definer set search_path = pg_catalog, pg_temp as $$
      #variable_conflict use_column
      declare
        me record;
        place_count int;
        found_ids bigint[];
      begin
        select i.id, i.tenant_id, case when ${name}.is_email_proven then u.email end as email,
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
    await knex.raw(
      `grant execute on function mail.${name}(uuid, boolean, bigint, timestamptz, int) to tributary_community`,
    );
  }
}
