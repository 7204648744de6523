import type { Knex } from "knex";

/**
 * What concerns a whole community is one row however many tenants are in: it says so instead of naming them, and who is
 * told follows from when each was there (docs/decisions/ledger-stays.md).
 */
export async function up(knex: Knex): Promise<void> {
  // Null: all that are in the community at that moment. What was written before names them still.
  await knex.raw(`
    alter table ledger.entries
      alter column tenant_ids drop not null,
      add constraint entries_concern_somebody check (tenant_ids is not null or community_id is not null)`);
  await knex.raw(`
    create index entries_of_community on ledger.entries (community_id, id) where tenant_ids is null`);
  await knex.raw(`
    create index entries_of_communities on ledger.entries (id) include (community_id) where tenant_ids is null`);

  // Under the community's lock, a place in the order of its entries: one written before has a smaller id, a later one a
  // larger.
  await knex.raw(`
    create function ledger.next_place() returns bigint
    language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
      select nextval('ledger.entries_id_seq')
    $$`);
  await knex.raw(
    `grant execute on function ledger.next_place() to tributary_community`,
  );
  await knex.raw(`
    alter table community.memberships add column told_from bigint not null default ledger.next_place()`);
  // Of memberships that have ended: a tenant keeps what it was told.
  await knex.raw(`
    create table ledger.past_stays (
      tenant_id uuid not null,
      community_id uuid not null,
      told_from bigint not null,
      told_to bigint not null,
      constraint past_stays_pkey primary key (tenant_id, community_id, told_from)
    )`);
  await knex.raw(
    `create index past_stays_by_community on ledger.past_stays (community_id)`,
  );
  await knex.raw(`
    create view ledger.stays as
      select t.uuid as tenant_id, c.uuid as community_id, m.told_from, 9223372036854775807 as told_to
      from community.memberships m
      join community.communities c on c.id = m.community_id
      join tenant.tenants t on t.id = m.tenant_id
      union all
      select tenant_id, community_id, told_from, told_to from ledger.past_stays`);
  await knex.raw(`
    create function ledger.end_stays(memberships int[])
    returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
      insert into ledger.past_stays (tenant_id, community_id, told_from, told_to)
      select t.uuid, c.uuid, m.told_from, ledger.next_place()
      from community.memberships m
      join community.communities c on c.id = m.community_id
      join tenant.tenants t on t.id = m.tenant_id
      where m.id = any (end_stays.memberships)
    $$`);
  await knex.raw(
    `grant execute on function ledger.end_stays(int[]) to tributary_community`,
  );

  await knex.raw(`
    create or replace function ledger.append(
      actor_identity uuid, actor_person uuid, request_id text, action text, entries jsonb, names jsonb
    ) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    #variable_conflict use_column
    declare
      actor_tenant constant uuid := (
        select t.uuid from tenant.published_identities i
        join tenant.published_tenants t on t.id = i.tenant_id
        where i.uuid = append.actor_identity);
    begin
      with given as materialized (
        select e.*, nextval('ledger.entries_id_seq') as id
        from rows from (jsonb_to_recordset(append.entries) as (
          "kind" text, "outcome" text, "subjectType" text, "subjectId" uuid, "tenantIds" uuid[], "communityId" uuid,
          "before" jsonb, "after" jsonb)) with ordinality
          as e("kind", "outcome", "subjectType", "subjectId", "tenantIds", "communityId", "before", "after", place)
      ),
      named as materialized (
        select n.*, coalesce((select min(g.place) from given g where g."subjectId" = n."id"), 1) as place
        from jsonb_to_recordset(append.names)
          as n("id" uuid, "name" text, "email" text, "salt" uuid, "hash" text)
      ),
      added as (
        insert into ledger.entries (id, kind, action, outcome, actor_identity, actor_person, actor_tenant, subject_type,
                                    subject_id, tenant_ids, community_id, before, after, names, request_id)
        overriding system value
        select g.id, g."kind", append.action, coalesce(g."outcome", 'DONE'), append.actor_identity, append.actor_person,
               case when append.actor_identity is not null then coalesce(actor_tenant, g."tenantIds"[1]) end,
               g."subjectType", g."subjectId", g."tenantIds", g."communityId", g."before", g."after",
               coalesce((select jsonb_agg(jsonb_build_object('id', n."id", 'hash', n."hash")) from named n
                         where n.place = g.place), '[]'),
               append.request_id
        from given g order by g.place
      ),
      concerned as (
        insert into ledger.concerns (tenant_id, entry_id, community_id)
        select distinct t.id, g.id, g."communityId" from given g cross join unnest(g."tenantIds") t(id)
      ),
      waiting as (
        insert into ledger.unsealed (entry_id, chain_id)
        select g.id, g."communityId" from given g where g."tenantIds" is null
        union
        select g.id, t.id from given g cross join unnest(g."tenantIds") t(id)
        union
        select g.id, '00000000-0000-0000-0000-000000000000' from given g where cardinality(g."tenantIds") = 0
      )
      insert into ledger.names (id, name, email, salt, hash, entry_id)
      select n."id", n."name", n."email", n."salt", n."hash", g.id from named n join given g on g.place = n.place;
    end $$`);
  await knex.raw(`drop function ledger.chains_of(text, uuid[], uuid)`);

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
      create function ledger.${name}(tenant uuid, communities uuid[], kinds text[], place bigint, size int)
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
          select from ledger.stays s where s.tenant_id = ${name}.tenant limit 1000) s);
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
  await knex.raw(`
    grant execute on function ledger.older_entries(uuid, uuid[], text[], bigint, int),
      ledger.newer_entries(uuid, uuid[], text[], bigint, int) to tributary_community`);
}
