import type { Knex } from "knex";

/** The gate, deciding as before, so that what it costs depends neither on a community's tenants nor on a tenant's communities. */
export async function up(knex: Knex): Promise<void> {
  // By the reader's tenant, its place in a community is one look into an index, and nobody else there is asked about.
  await knex.raw(`
    create or replace view stream.readers as
      select i.uuid as viewer, i.id as identity_id, m.id as membership_id, m.tenant_id, m.community_id
      from tenant.published_identities i
      join community.published_memberships m on m.tenant_id = i.tenant_id
      join community.published_members me
        on me.membership_id = m.id and me.tenant_id = m.tenant_id and me.identity_id = i.id
      where i.enabled
        and exists (select from tenant.published_entitlements e
                    where e.tenant_id = m.tenant_id and e.entitlement = 'COMMUNITIES')`);

  // No share opens an own stream: where it is shared is not looked through.
  await knex.raw(`
    create or replace function stream.visible(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, o.type_id, true, o.rights from stream.own(visible.viewer) o
      union all
      select s.tenant_id, s.id, s.uuid, s.type_id, false, 1
      from stream.streams s
      join tenant.published_identities me on me.uuid = visible.viewer and me.tenant_id <> s.tenant_id
      where exists (select from stream.open_shares(visible.viewer) h where h.tenant_id = s.tenant_id and h.stream_id = s.id)
    $$`);

  // T4, S8: the own streams whose shares this identity may see, all of them (of whoever may share the stream, account
  // administrators and data stewards) or those in communities that it leads.
  await knex.raw(`
    create function stream.accountable(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, identity_id int, is_whole boolean)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, c.id,
             o.rights & 16 = 16 or c.roles && array['ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD']
      from stream.caller(accountable.viewer) c
      join stream.own(accountable.viewer) o on o.tenant_id = c.tenant_id
    $$`);
  await knex.raw(`
    create or replace function stream.visible_shares(viewer uuid)
    returns table (tenant_id int, stream_id int, id int, uuid uuid, is_own boolean)
    language sql stable as $$
      select h.tenant_id, h.stream_id, h.id, h.uuid, false from stream.open_shares(visible_shares.viewer) h
      union all
      select h.tenant_id, h.stream_id, h.id, h.uuid, true
      from stream.accountable(visible_shares.viewer) o
      join stream.shares h on h.tenant_id = o.tenant_id and h.stream_id = o.id
      where o.is_whole
        or exists (select from community.published_members me
                   where me.membership_id = h.membership_id and me.identity_id = o.identity_id and me.role <> 'MEMBER')
    $$`);

  // Of one stream, too, shares are listed by time.
  await knex.raw(
    `create index shares_of_stream_by_time on stream.shares (tenant_id, stream_id, shared_at, uuid)`,
  );
}
