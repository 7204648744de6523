import type { Knex } from "knex";

/**
 * The gate: what one identity may see and read now. Every read of the product joins one of these functions in the
 * statement that fetches the rows. They are plain SQL over tables and published views, so the planner inlines them
 * and a selective condition of the caller reaches the indexes; they run with the caller's own rights.
 */
export async function up(knex: Knex): Promise<void> {
  // Who asks, with its tenant roles. No row: no such identity, or a disabled one.
  await knex.raw(`
    create function stream.caller(viewer uuid) returns table (id int, tenant_id int, roles text[])
    language sql stable as $$
      select i.id, i.tenant_id, r.roles
      from tenant.published_identities i
      cross join lateral (
        select array_append(array_agg(r.role), 'MEMBER') as roles
        from tenant.published_roles r where r.identity_id = i.id
      ) r
      where i.uuid = caller.viewer and i.enabled
    $$`);

  // Who may read in a community, and whose shares are open there: both memberships exist, the sharing one is ACTIVE,
  // both tenants are entitled. A reader takes part itself.
  await knex.raw(`
    create view stream.readers as
      select i.uuid as viewer, i.id as identity_id, m.id as membership_id, m.tenant_id, m.community_id
      from tenant.published_identities i
      join community.published_members me on me.tenant_id = i.tenant_id and me.identity_id = i.id
      join community.published_memberships m on m.id = me.membership_id
      where i.enabled
        and exists (select from tenant.published_entitlements e
                    where e.tenant_id = m.tenant_id and e.entitlement = 'COMMUNITIES')`);
  await knex.raw(`
    create view stream.sharers as
      select m.id as membership_id, m.tenant_id, m.community_id
      from community.published_memberships m
      where m.status = 'ACTIVE'
        and exists (select from tenant.published_entitlements e
                    where e.tenant_id = m.tenant_id and e.entitlement = 'COMMUNITIES')`);

  // The shares that let this identity in. Never one of its own tenant: own streams go by the access list.
  await knex.raw(`
    create function stream.open_shares(viewer uuid)
    returns table (tenant_id int, stream_id int, id int, uuid uuid, membership_id int, community_id int)
    language sql stable as $$
      select h.tenant_id, h.stream_id, h.id, h.uuid, h.membership_id, s.community_id
      from stream.readers r
      join stream.sharers s on s.community_id = r.community_id and s.tenant_id <> r.tenant_id
      join stream.shares h on h.membership_id = s.membership_id and h.tenant_id = s.tenant_id
      where r.viewer = open_shares.viewer
    $$`);

  // What an identity may do by one access list of its own tenant: rights add up over roles, deny beats allow.
  // rights: a sum of READ 1, WRITE 2, DELETE 4, MANAGE_ACCESS_CONTROL 8, SHARE 16.
  await knex.raw(`
    create function stream.list_rights(identity_id int, roles text[], tenant_id int, list_id int) returns table (rights int)
    language sql stable as $$
      select coalesce(bit_or(e.rights) filter (where e.effect = 'ALLOW'), 0)
           & ~ coalesce(bit_or(e.rights) filter (where e.effect = 'DENY'), 0)
      from stream.access_entries e
      where e.tenant_id = list_rights.tenant_id and e.list_id = list_rights.list_id
        and (e.identity_id = list_rights.identity_id or e.role = any (list_rights.roles))
    $$`);

  // Own streams as this identity sees them: by any right, or, with rights 0, for their shares alone (T4, S5, S8).
  // The stream's owner always has READ, WRITE, DELETE; an account administrator can always manage access.
  await knex.raw(`
    create function stream.own(viewer uuid)
    returns table (identity_id int, tenant_id int, id int, uuid uuid, type_id int, rights int)
    language sql stable as $$
      select c.id, s.tenant_id, s.id, s.uuid, s.type_id, g.rights
      from stream.caller(own.viewer) c
      join stream.streams s on s.tenant_id = c.tenant_id
      cross join lateral stream.list_rights(c.id, c.roles, s.tenant_id, s.access_list_id) l
      cross join lateral (
        select l.rights
             | case when s.owner_id = c.id then 7 else 0 end
             | case when 'ACCOUNT_ADMINISTRATOR' = any (c.roles) then 8 else 0 end
      ) g (rights)
      where g.rights <> 0 or 'DATA_STEWARD' = any (c.roles)
        or exists (select from stream.shares h
                   join community.published_members me on me.membership_id = h.membership_id
                   where h.tenant_id = s.tenant_id and h.stream_id = s.id
                     and me.identity_id = c.id and me.role <> 'MEMBER')
    $$`);

  // Every stream that this identity sees: its own, and by READ those that a share opens to it.
  await knex.raw(`
    create function stream.visible(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, o.type_id, true, o.rights from stream.own(visible.viewer) o
      union all
      select s.tenant_id, s.id, s.uuid, s.type_id, false, 1 from stream.streams s
      where exists (select from stream.open_shares(visible.viewer) h where h.tenant_id = s.tenant_id and h.stream_id = s.id)
    $$`);

  // The communities in which this identity takes part, and as what.
  await knex.raw(`
    create function stream.participations(viewer uuid)
    returns table (community_id int, membership_id int, tenant_id int, identity_id int, role text)
    language sql stable as $$
      select m.community_id, m.id, m.tenant_id, i.id, me.role
      from tenant.published_identities i
      join community.published_members me on me.identity_id = i.id
      join community.published_memberships m on m.id = me.membership_id
      where i.uuid = participations.viewer and i.enabled
    $$`);

  // The readable streams by community in which this identity takes part: what others share there, and what its own
  // tenant does, paused or not, as far as the access list lets it read.
  await knex.raw(`
    create function stream.readable_here(viewer uuid)
    returns table (community_id int, tenant_id int, id int, is_own boolean, rights int)
    language sql stable as $$
      select h.community_id, h.tenant_id, h.stream_id, false, 1 from stream.open_shares(readable_here.viewer) h
      union all
      select p.community_id, o.tenant_id, o.id, true, o.rights
      from stream.participations(readable_here.viewer) p
      join stream.shares h on h.membership_id = p.membership_id and h.tenant_id = p.tenant_id
      join stream.own(readable_here.viewer) o on o.tenant_id = h.tenant_id and o.id = h.stream_id
      where o.rights & 1 = 1
    $$`);

  // The shares that this identity sees: those that let it in, and of its own tenant's those that T4 and S8 name:
  // every one for an account administrator, a data steward and whoever may share the stream; for a moderator or
  // administrator of a community those in that community.
  await knex.raw(`
    create function stream.visible_shares(viewer uuid)
    returns table (tenant_id int, stream_id int, id int, uuid uuid, is_own boolean)
    language sql stable as $$
      select h.tenant_id, h.stream_id, h.id, h.uuid, false from stream.open_shares(visible_shares.viewer) h
      union all
      select h.tenant_id, h.stream_id, h.id, h.uuid, true
      from stream.caller(visible_shares.viewer) c
      join stream.shares h on h.tenant_id = c.tenant_id
      join stream.own(visible_shares.viewer) o on o.tenant_id = h.tenant_id and o.id = h.stream_id
      where o.rights & 16 = 16
        or c.roles && array['ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD']
        or exists (select from community.published_members me
                   where me.membership_id = h.membership_id and me.identity_id = c.id and me.role <> 'MEMBER')
    $$`);
}
