import type { Knex } from "knex";

/**
 * The gate: what one identity may see and read now. Every read of the product joins one of these functions in the
 * statement that fetches the rows. They are plain SQL over tables and published views, so the planner inlines them
 * and a selective condition of the caller reaches the indexes; they run with the caller's own rights.
 */
export async function up(knex: Knex): Promise<void> {
  // The shares that let this identity in: it takes part in the community, both memberships exist, the sharing one
  // is ACTIVE, both tenants are entitled. Never a share of its own tenant: own streams go by the access list.
  await knex.raw(`
    create function stream.open_shares(viewer uuid)
    returns table (tenant_id int, stream_id int, id int, uuid uuid, membership_id int, community_id int, shared_at timestamptz)
    language sql stable as $$
      select h.tenant_id, h.stream_id, h.id, h.uuid, h.membership_id, sharing.community_id, h.shared_at
      from tenant.published_identities i
      join community.published_members me on me.tenant_id = i.tenant_id and me.identity_id = i.id
      join community.published_memberships reading on reading.id = me.membership_id
      join community.published_memberships sharing
        on sharing.community_id = reading.community_id and sharing.tenant_id <> reading.tenant_id
      join stream.shares h on h.membership_id = sharing.id and h.tenant_id = sharing.tenant_id
      where i.uuid = open_shares.viewer and i.enabled
        and sharing.status = 'ACTIVE'
        and exists (select from tenant.published_entitlements e
                    where e.tenant_id = reading.tenant_id and e.entitlement = 'COMMUNITIES')
        and exists (select from tenant.published_entitlements e
                    where e.tenant_id = sharing.tenant_id and e.entitlement = 'COMMUNITIES')
    $$`);

  // What this identity may do by one access list of its own tenant: rights add up over roles, deny beats allow.
  await knex.raw(`
    create function stream.list_rights(identity_id int, tenant_id int, list_id int) returns table (rights int)
    language sql stable as $$
      select coalesce(bit_or(e.rights) filter (where e.effect = 'ALLOW'), 0)
           & ~ coalesce(bit_or(e.rights) filter (where e.effect = 'DENY'), 0)
      from stream.access_entries e
      where e.tenant_id = list_rights.tenant_id and e.list_id = list_rights.list_id
        and (e.identity_id = list_rights.identity_id or e.role = 'MEMBER'
          or e.role in (select r.role from tenant.published_roles r where r.identity_id = list_rights.identity_id))
    $$`);

  // Streams as this identity sees them. rights: a sum of READ 1, WRITE 2, DELETE 4, MANAGE_ACCESS_CONTROL 8, SHARE 16;
  // 0 for an own stream that is shown for its shares alone (T4, S5, S8). Rule 18 is kept here too: what another
  // tenant may not see of a stream is null in its row.
  await knex.raw(`
    create function stream.visible(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, is_own boolean, rights int, type_id int, name text, description text,
                   tags text[], created_at timestamptz, external_id text, namespace_id int, metadata jsonb,
                   extrapolation text, updated_at timestamptz, owner_id int, access_list_id int)
    language sql stable as $$
      select s.tenant_id, s.id, s.uuid, g.is_own, g.rights, s.type_id, s.name, s.description, s.tags, s.created_at,
             case when g.is_own then s.external_id end,
             case when g.is_own then s.namespace_id end,
             case when g.is_own then s.metadata end,
             case when g.is_own then s.extrapolation end,
             case when g.is_own then s.updated_at end,
             case when g.is_own then s.owner_id end,
             case when g.is_own then s.access_list_id end
      from tenant.published_identities i
      cross join stream.streams s
      cross join lateral (
        select s.tenant_id = i.tenant_id as is_own,
               case when s.tenant_id = i.tenant_id then
                 (select l.rights from stream.list_rights(i.id, s.tenant_id, s.access_list_id) l)
                 | case when s.owner_id = i.id then 7 else 0 end
                 | case when exists (select from tenant.published_roles r
                                     where r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR') then 8 else 0 end
               else
                 case when exists (select from stream.open_shares(visible.viewer) h
                                   where h.tenant_id = s.tenant_id and h.stream_id = s.id) then 1 else 0 end
               end as rights
        offset 0 -- keeps the rights from being computed once for each time they are named
      ) g
      where i.uuid = visible.viewer and i.enabled
        and (g.rights <> 0 or g.is_own and (
          exists (select from tenant.published_roles r where r.identity_id = i.id and r.role = 'DATA_STEWARD')
          or exists (select from stream.shares h
                     join community.published_members me on me.membership_id = h.membership_id
                     where h.tenant_id = s.tenant_id and h.stream_id = s.id
                       and me.identity_id = i.id and me.role <> 'MEMBER')))
    $$`);

  // The streams whose events this identity may read now.
  await knex.raw(`
    create function stream.readable(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, type_id int)
    language sql stable as $$
      select v.tenant_id, v.id, v.uuid, v.type_id from stream.visible(readable.viewer) v where v.rights & 1 = 1
    $$`);
}
