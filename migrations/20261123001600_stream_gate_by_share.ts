import type { Knex } from "knex";

/**
 * The gate, deciding as before, in two shapes: asked for a stream or a share, which costs a few looks into indexes in a
 * community of any size, and asked for all of them.
 */
export async function up(knex: Knex): Promise<void> {
  // Whether an identity reads what a membership shares, one row or none: its tenant's place in that community first, then
  // what stream.audience says of the two. The offsets keep PostgreSQL, which sees averages, from any other way, such as by
  // all who take part there.
  await knex.raw(`
    create function stream.opened_to(viewer uuid, tenant_id int, membership_id int, community_id int)
    returns table (identity_id int)
    language sql stable as $$
      select a.identity_id
      from (select m.id from community.published_memberships m
            where m.community_id = opened_to.community_id
              and m.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = opened_to.viewer)
              and m.tenant_id <> opened_to.tenant_id
            offset 0) place
      cross join lateral (
        select a.identity_id from stream.audience a
        where a.viewer = opened_to.viewer and a.membership_id = place.id and a.sharing_id = opened_to.membership_id
          and a.sharing_tenant_id = opened_to.tenant_id and a.community_id = opened_to.community_id
        offset 0
      ) a
    $$`);
  await knex.raw(`
    create or replace function stream.given_by(viewer uuid, tenant_id int, stream_id int, membership_id int, community_id int)
    returns table (is_own boolean, rights int)
    language sql stable as $$
      select false, 1
      from stream.opened_to(given_by.viewer, given_by.tenant_id, given_by.membership_id, given_by.community_id)
      union all
      select true, o.rights
      from stream.participations(given_by.viewer) p
      join stream.own(given_by.viewer) o on o.tenant_id = p.tenant_id
      where p.membership_id = given_by.membership_id and o.tenant_id = given_by.tenant_id
        and o.id = given_by.stream_id and o.rights & 1 = 1
    $$`);

  // For streams that are named: share by share, none of an own stream's.
  await knex.raw(`
    create or replace function stream.visible(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, o.type_id, true, o.rights from stream.own(visible.viewer) o
      union all
      select s.tenant_id, s.id, s.uuid, s.type_id, false, 1
      from stream.streams s
      join tenant.published_identities me on me.uuid = visible.viewer
      where exists (select from stream.shares h
                    cross join lateral stream.opened_to(visible.viewer, h.tenant_id, h.membership_id, h.community_id)
                    where me.tenant_id <> s.tenant_id and h.tenant_id = s.tenant_id and h.stream_id = s.id offset 0)
    $$`);
  await knex.raw(`
    create or replace function stream.visible_shares(viewer uuid)
    returns table (tenant_id int, stream_id int, id int, uuid uuid, is_own boolean)
    language sql stable as $$
      select h.tenant_id, h.stream_id, h.id, h.uuid, false
      from stream.shares h
      cross join lateral stream.opened_to(visible_shares.viewer, h.tenant_id, h.membership_id, h.community_id)
      union all
      select h.tenant_id, h.stream_id, h.id, h.uuid, true
      from stream.accountable(visible_shares.viewer) o
      join stream.shares h on h.tenant_id = o.tenant_id and h.stream_id = o.id
      where o.is_whole
        or exists (select from community.published_members me
                   where me.membership_id = h.membership_id and me.identity_id = o.identity_id and me.role <> 'MEMBER')
    $$`);

  // The same table for those who take it whole.
  await knex.raw(`
    create function stream.all_visible(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, o.type_id, true, o.rights from stream.own(all_visible.viewer) o
      union all
      select s.tenant_id, s.id, s.uuid, s.type_id, false, 1
      from stream.streams s
      join tenant.published_identities me on me.uuid = all_visible.viewer and me.tenant_id <> s.tenant_id
      where exists (select from stream.open_shares(all_visible.viewer) h where h.tenant_id = s.tenant_id and h.stream_id = s.id)
    $$`);
}
