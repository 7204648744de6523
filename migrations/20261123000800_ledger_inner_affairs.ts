import type { Knex } from "knex";

/**
 * A community's chain holds what concerns all its tenants, and nothing else: who may not read an entry would see the
 * head move. What its kind would put there but concerns fewer tenants than are in is in the chain of each of them.
 */
export async function up(knex: Knex): Promise<void> {
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
        select g.id, c.chain_id from given g
        cross join ledger.chains_of(g."kind", g."tenantIds",
          case when not exists (select from community.memberships m
                                join community.communities k on k.id = m.community_id
                                where k.uuid = g."communityId" offset cardinality(g."tenantIds"))
               then g."communityId" end) c
      )
      insert into ledger.names (id, name, email, salt, hash, entry_id)
      select n."id", n."name", n."email", n."salt", n."hash", g.id from named n join given g on g.place = n.place;
    end $$`);
  // So the kind of an entry no longer tells its chain; whose id the chain has does.
  await knex.raw(`
    create or replace function ledger.take_unsealed(size int)
    returns table (chain_id uuid, chain_kind text, sequence bigint, hash text, entry_id bigint, record jsonb)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    #variable_conflict use_column
    begin
      if not pg_try_advisory_xact_lock(hashtext('ledger.seal')) then return; end if;
      return query
        select u.chain_id,
               case when u.chain_id = (r.record ->> 'community')::uuid then 'COMMUNITY'
                    when r.record -> 'tenants' @> to_jsonb(u.chain_id) then 'TENANT'
                    else 'INSTALLATION' end,
               coalesce(c.sequence, 0), encode(c.hash, 'hex'), u.entry_id, r.record
        from (select * from ledger.unsealed order by entry_id, chain_id limit take_unsealed.size) u
        join ledger.records r on r.id = u.entry_id
        left join ledger.chains c on c.id = u.chain_id
        order by u.chain_id, u.entry_id;
    end $$`);
}
