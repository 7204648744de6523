import type { Knex } from "knex";

/** A page of the ledger, as before; to know in how many communities a tenant is, their rows are not looked up. */
export async function up(knex: Knex): Promise<void> {
  // What concerns a tenant, of some communities or, where they are null, of all its affairs: as many as are wanted, the
  // next before or after a place, of each of several rows; among them are as many that come next of all. Without a size,
  // all.
  for (const [name, beyond, order] of [
    ["older_entries", "<", "desc"],
    ["newer_entries", ">", "asc"],
  ] as const) {
    const next = (from: string, id: string, condition: string) => `
      select ${id} as id from ${from}
      where ${condition} and ${id} ${beyond} ${name}.place
        and (${name}.kinds is null or (select e.kind from ledger.entries e where e.id = ${id}) = any (${name}.kinds))
      order by ${id} ${order} limit ${name}.size`;
    // By the key of both, or the planner goes through all of the tenant's or the community's.
    const staysIn = (community: string) => `(
      select m.told_from, 9223372036854775807 as told_to from community.memberships m
      where m.community_id = (select c.id from community.communities c where c.uuid = ${community})
        and m.tenant_id = (select t.id from tenant.tenants t where t.uuid = ${name}.tenant)
      union all
      select p.told_from, p.told_to from ledger.past_stays p
      where p.tenant_id = ${name}.tenant and p.community_id = ${community})`;
    const ofCommunity = (community: string) =>
      next(
        "ledger.entries told",
        "told.id",
        `told.tenant_ids is null and told.community_id = ${community} and told.id between s.told_from and s.told_to`,
      );
    await knex.raw(`
      create or replace function ledger.${name}(tenant uuid, communities uuid[], kinds text[], place bigint, size int)
      returns table (id bigint)
      language plpgsql stable rows 50 security definer set search_path = pg_catalog, pg_temp as $$
      #variable_conflict use_column
      declare
        stay_count int;
        found bigint[];
      begin
        if communities is not null then
          return query
            select n.id from unnest(${name}.communities) k(id) cross join lateral (
              ${next("ledger.concerns c", "c.entry_id", `c.tenant_id = ${name}.tenant and c.community_id = k.id`)}
            ) n
            union all
            select n.id from unnest(${name}.communities) k(id)
            cross join lateral ${staysIn("k.id")} s
            cross join lateral (${ofCommunity("k.id")}) n;
          return;
        end if;
        return query ${next("ledger.concerns c", "c.entry_id", `c.tenant_id = ${name}.tenant`)};
        -- Who is in many communities mostly finds its own among the next of all. So few are looked through that this
        -- costs no more than to ask for those of each.
        stay_count := (select count(*) from (
          select from community.memberships m
          where m.tenant_id = (select t.id from tenant.tenants t where t.uuid = ${name}.tenant)
          union all
          select from ledger.past_stays p where p.tenant_id = ${name}.tenant
          limit 500) s);
        found := array(
          select e.id
          from (select e.id, e.community_id from ledger.entries e
                where e.tenant_ids is null and e.id ${beyond} ${name}.place
                order by e.id ${order} limit stay_count) e
          cross join lateral (
            select from ${staysIn("e.community_id")} s where e.id between s.told_from and s.told_to limit 1) s
          where ${name}.kinds is null
            or (select k.kind from ledger.entries k where k.id = e.id) = any (${name}.kinds)
          order by e.id ${order} limit ${name}.size);
        if cardinality(found) = ${name}.size
          or stay_count > (select count(*) from (
               select from ledger.entries e
               where e.tenant_ids is null and e.id ${beyond} ${name}.place limit stay_count) e)
        then
          return query select unnest(found);
          return;
        end if;
        return query
          select n.id from ledger.stays s cross join lateral (${ofCommunity("s.community_id")}) n
          where s.tenant_id = ${name}.tenant;
      end $$`);
  }
}
