import type { Knex } from "knex";

/** Who may read all of a stream's ledger is not asked in which communities it moderates. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function stream.ledger_scopes(viewer uuid, streams uuid[])
    returns table (stream uuid, tenant uuid, is_whole boolean, communities uuid[])
    language plpgsql stable rows 1 security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return query
        select o.uuid, t.uuid, w.is_whole, k.communities
        from stream.caller(ledger_scopes.viewer) c
        join stream.own(ledger_scopes.viewer) o on o.tenant_id = c.tenant_id
        join tenant.published_tenants t on t.id = o.tenant_id
        cross join lateral (
          select o.rights & 16 = 16 or c.roles && array['ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD'] as is_whole
        ) w
        cross join lateral (
          select case when w.is_whole then '{}' else array(
            select d.uuid from stream.participations(ledger_scopes.viewer) p
            join community.published_communities d on d.id = p.community_id
            where p.role <> 'MEMBER') end as communities
          offset 0
        ) k
        where o.uuid = any (ledger_scopes.streams) and (w.is_whole or cardinality(k.communities) > 0);
    end $$`);
}
