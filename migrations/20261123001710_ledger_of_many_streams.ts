import type { Knex } from "knex";

/**
 * One call that writes events is one entry, of however many streams, and a stream's ledger shows that stream's part of
 * it: an entry a stream cost more than to store the events.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function ledger.streams_of(kind text, subject_type text, subject_id uuid, before jsonb, after jsonb)
    returns setof uuid language sql immutable as $$
      select streams_of.subject_id where streams_of.subject_type = 'Stream'
      union
      select (coalesce(streams_of.after, streams_of.before) ->> 'streamId')::uuid where streams_of.kind = 'SHARE'
      union
      select (s ->> 'id')::uuid from jsonb_array_elements(streams_of.after -> 'streams') s
      where streams_of.kind = 'EVENTS'
    $$`);
  await knex.raw(`
    create table ledger.of_streams (
      stream_id uuid not null,
      entry_id bigint not null constraint of_streams_entry_fkey references ledger.entries on delete cascade,
      constraint of_streams_pkey primary key (stream_id, entry_id)
    )`);
  await knex.raw(
    `create index of_streams_by_entry on ledger.of_streams (entry_id)`,
  );
  await knex.raw(`
    insert into ledger.of_streams (stream_id, entry_id)
    select e.stream_id, e.id from ledger.entries e where e.stream_id is not null`);

  await knex.raw(`drop view ledger.published_entries`);
  await knex.raw(`alter table ledger.entries drop column stream_id`);
  await knex.raw(`
    create view ledger.published_entries as
      select id, uuid, at, kind, action, outcome, actor_tenant, actor_identity, subject_type, subject_id, community_id,
             before, after, request_id
      from ledger.entries`);
  // S8: who may read one stream's ledger reads nothing of the others there.
  await knex.raw(`
    create view ledger.published_stream_entries as
      select o.stream_id, o.entry_id as id, e.uuid, e.at, e.kind, e.action, e.outcome, e.actor_tenant, e.actor_identity,
             case when p.after is null then e.subject_type else 'Stream' end as subject_type,
             case when p.after is null then e.subject_id else o.stream_id end as subject_id,
             e.community_id, e.before, coalesce(p.after, e.after) as after, e.request_id
      from ledger.of_streams o
      join ledger.entries e on e.id = o.entry_id
      left join lateral (
        select e.after - 'streams' || (s - 'id') as after
        from jsonb_array_elements(e.after -> 'streams') s
        where e.kind = 'EVENTS' and s ->> 'id' = o.stream_id::text
      ) p on true`);
  await knex.raw(
    `grant select on ledger.published_entries, ledger.published_stream_entries to tributary_community`,
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
      of_streams as (
        insert into ledger.of_streams (stream_id, entry_id)
        select s.id, g.id from given g
        cross join ledger.streams_of(g."kind", g."subjectType", g."subjectId", g."before", g."after") s(id)
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
}
