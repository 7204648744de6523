import type { Knex } from "knex";

/** A page of notices costs what is on it, however many came before, or concern others. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `drop index mail.audiences_by_community, mail.audiences_by_notice`,
  );
  // Of no order, or pages would be looked for along it, among the notices of everybody.
  await knex.raw(
    `create index audiences_by_notice on mail.audiences using hash (notice_id)`,
  );
  await knex.raw(`
    create index audiences_by_community_role on mail.audiences (community_id, role, notice_id)
      where community_id is not null`);

  // Of the notices of whom mail.recipients says that they are the viewer's, as many as are wanted of each audience, the
  // next before or after a place: among them are as many that come next of all.
  for (const [name, beyond, order] of [
    ["older_notices", "<", "desc"],
    ["newer_notices", ">", "asc"],
  ] as const)
    await knex.raw(`
      create function mail.${name}(viewer uuid, place bigint, since timestamptz, size int) returns table (id bigint)
      language plpgsql stable rows 50 security definer set search_path = pg_catalog, pg_temp as $$
      #variable_conflict use_column
      begin
        return query
          with me as materialized (
            select i.id, i.tenant_id, u.email,
                   exists (select from tenant.identity_roles r
                           where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR') as is_account_administrator
            from tenant.identities i
            left join tenant.users u on u.identity_id = i.id
            where i.uuid = ${name}.viewer and i.enabled
          ),
          places as materialized (
            select m.community_id, m.tenant_id, m.joined_at, a.role
            from me
            join community.memberships m on m.tenant_id = me.tenant_id
            left join community.members r on r.membership_id = m.id and r.identity_id = me.id
            cross join (values ('ACCOUNT_ADMINISTRATOR'), ('ADMINISTRATOR'), ('MODERATOR')) a (role)
            where case a.role when 'ACCOUNT_ADMINISTRATOR' then me.is_account_administrator
                              when 'ADMINISTRATOR' then r.role = 'ADMINISTRATOR'
                              else r.role in ('ADMINISTRATOR', 'MODERATOR') end
          )
          ${[
            ["me", "a.identity_id = me.id"],
            ["me", "a.email = me.email"],
            [
              "me",
              "me.is_account_administrator and a.tenant_id = me.tenant_id and a.role = 'ACCOUNT_ADMINISTRATOR'",
            ],
            [
              "places",
              `a.community_id = places.community_id and a.role = places.role and a.at >= places.joined_at
                 and (a.tenant_id is null or a.tenant_id = places.tenant_id or a.role = 'ACCOUNT_ADMINISTRATOR')`,
            ],
          ]
            .map(
              ([of, condition]) => `
          select a.notice_id from ${of} cross join lateral (
            select a.notice_id from mail.audiences a
            where ${condition}
              and a.notice_id ${beyond} ${name}.place
              and (${name}.since is null
                or (select n.at from mail.notices n where n.id = a.notice_id) >= ${name}.since)
            order by a.notice_id ${order} limit ${name}.size
          ) a`,
            )
            .join(" union ")};
      end $$`);
  await knex.raw(`
    grant execute on function mail.older_notices(uuid, bigint, timestamptz, int),
      mail.newer_notices(uuid, bigint, timestamptz, int) to tributary_community`);
}
