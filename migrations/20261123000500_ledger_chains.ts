import type { Knex } from "knex";

/**
 * Chains over the entries: what concerns a tenant alone, and what happens to a community, each in the order in which
 * one sealer took it up (docs/ledger.md). Nothing that is written is ever changed; retention alone removes.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table ledger.entries
      add column uuid uuid not null default gen_random_uuid() constraint entries_uuid_unique unique,
      add column outcome text not null default 'DONE' constraint entries_outcome_known check (outcome in ('DONE', 'REFUSED')),
      add column actor_tenant uuid,
      add column names jsonb not null default '[]',
      add column stream_id uuid generated always as (
        case when subject_type = 'Stream' then subject_id
             when kind = 'SHARE' then coalesce(after ->> 'streamId', before ->> 'streamId')::uuid end) stored`);
  await knex.raw(
    `create index entries_by_stream on ledger.entries (stream_id, id) where stream_id is not null`,
  );
  // An entry holds the hash of id, name, e-mail and salt; without the row nobody can tell them from it.
  await knex.raw(`
    alter table ledger.names
      add column entry_id bigint constraint names_entry_fkey references ledger.entries on delete cascade,
      add column salt uuid,
      add column hash text,
      drop constraint names_pkey`);
  await knex.raw(`create index names_by_id on ledger.names (id)`);
  await knex.raw(
    `create index names_by_email on ledger.names (email) where email is not null`,
  );
  await knex.raw(`create index names_by_entry on ledger.names (entry_id)`);

  await knex.raw(`
    create table ledger.concerns (
      tenant_id uuid not null,
      entry_id bigint not null constraint concerns_entry_fkey references ledger.entries on delete cascade,
      community_id uuid,
      constraint concerns_pkey primary key (tenant_id, entry_id)
    )`);
  await knex.raw(`
    create index concerns_by_community on ledger.concerns (tenant_id, community_id, entry_id)
      where community_id is not null`);
  await knex.raw(
    `create index concerns_by_entry on ledger.concerns (entry_id)`,
  );
  // What no sealer has taken up. A transaction that commits late brings its rows late, so none is passed over.
  await knex.raw(`
    create table ledger.unsealed (
      entry_id bigint not null constraint unsealed_entry_fkey references ledger.entries,
      chain_id uuid not null,
      constraint unsealed_pkey primary key (entry_id, chain_id)
    )`);
  // head: the signed statement that this hash stands at this place; checkpoint: the same of the last link that retention
  // removed.
  await knex.raw(`
    create table ledger.chains (
      id uuid constraint chains_pkey primary key,
      kind text not null constraint chains_kind_known check (kind in ('TENANT', 'COMMUNITY', 'INSTALLATION')),
      sequence bigint not null,
      hash bytea not null,
      sealed_at timestamptz not null,
      head text not null,
      checkpoint text
    )`);
  await knex.raw(`
    create table ledger.links (
      chain_id uuid not null,
      sequence bigint not null,
      entry_id bigint not null,
      digest bytea not null,
      previous bytea,
      hash bytea not null,
      constraint links_pkey primary key (chain_id, sequence),
      constraint links_entry_unique unique (entry_id, chain_id)
    )`);

  // A community's chain holds how it and its memberships change; every other entry is in the chain of each tenant that
  // it concerns, or, of what concerns none yet, in the installation's.
  await knex.raw(`
    create function ledger.chains_of(kind text, tenant_ids uuid[], community_id uuid)
    returns table (chain_id uuid, chain_kind text) language sql immutable as $$
      select chains_of.community_id, 'COMMUNITY'
      where chains_of.kind in ('COMMUNITY', 'MEMBERSHIP') and chains_of.community_id is not null
      union all
      select distinct t.id, 'TENANT' from unnest(chains_of.tenant_ids) t(id)
      where chains_of.kind not in ('COMMUNITY', 'MEMBERSHIP') or chains_of.community_id is null
      union all
      select '00000000-0000-0000-0000-000000000000'::uuid, 'INSTALLATION'
      where cardinality(chains_of.tenant_ids) = 0
        and (chains_of.kind not in ('COMMUNITY', 'MEMBERSHIP') or chains_of.community_id is null)
    $$`);
  await knex.raw(`
    insert into ledger.concerns (tenant_id, entry_id, community_id)
    select distinct t.id, e.id, e.community_id from ledger.entries e cross join unnest(e.tenant_ids) t(id)`);
  await knex.raw(`
    insert into ledger.unsealed (entry_id, chain_id)
    select e.id, c.chain_id from ledger.entries e
    cross join ledger.chains_of(e.kind, e.tenant_ids, e.community_id) c`);

  // An entry as it is hashed, exported and verified.
  await knex.raw(`
    create view ledger.records as
      select e.id, e.at, jsonb_build_object(
        'id', e.uuid,
        'at', to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'kind', e.kind, 'action', e.action, 'outcome', e.outcome,
        'actorTenant', e.actor_tenant, 'actorIdentity', e.actor_identity, 'actorPerson', e.actor_person,
        'subjectType', e.subject_type, 'subjectId', e.subject_id,
        'tenants', e.tenant_ids, 'community', e.community_id,
        'before', e.before, 'after', e.after, 'names', e.names, 'requestId', e.request_id) as record
      from ledger.entries e`);

  // In plpgsql, which keeps its plans for the session. A name belongs to the entry about its id, or to the first one.
  // An identity that removes itself is gone by now: that concerns its own tenant alone.
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
        cross join ledger.chains_of(g."kind", g."tenantIds", g."communityId") c
      )
      insert into ledger.names (id, name, email, salt, hash, entry_id)
      select n."id", n."name", n."email", n."salt", n."hash", g.id from named n join given g on g.place = n.place;
    end $$`);

  // Asked after the refused transaction has ended. Nobody is told of an identity that never was.
  await knex.raw(`
    create function ledger.refuse(actor uuid, request_id text, action text, details jsonb)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      perform ledger.append(refuse.actor, null, refuse.request_id, refuse.action, jsonb_build_array(jsonb_build_object(
        'kind', 'IDENTITY', 'outcome', 'REFUSED', 'subjectType', 'Identity', 'subjectId', refuse.actor,
        'tenantIds', jsonb_build_array(t.uuid), 'after', refuse.details)), '[]')
      from tenant.published_identities i
      join tenant.published_tenants t on t.id = i.tenant_id
      where i.uuid = refuse.actor;
    end $$`);

  // One sealer works at a time; the others find nothing to do.
  await knex.raw(`
    create function ledger.take_unsealed(size int)
    returns table (chain_id uuid, chain_kind text, sequence bigint, hash text, entry_id bigint, record jsonb)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    #variable_conflict use_column
    begin
      if not pg_try_advisory_xact_lock(hashtext('ledger.seal')) then return; end if;
      return query
        select u.chain_id,
               (select k.chain_kind from ledger.chains_of(
                  r.record ->> 'kind', array(select jsonb_array_elements_text(r.record -> 'tenants'))::uuid[],
                  (r.record ->> 'community')::uuid) k where k.chain_id = u.chain_id limit 1),
               coalesce(c.sequence, 0), encode(c.hash, 'hex'), u.entry_id, r.record
        from (select * from ledger.unsealed order by entry_id, chain_id limit take_unsealed.size) u
        join ledger.records r on r.id = u.entry_id
        left join ledger.chains c on c.id = u.chain_id
        order by u.chain_id, u.entry_id;
    end $$`);
  // Goes on where each chain ends, and nowhere else.
  await knex.raw(`
    create function ledger.seal(links jsonb, heads jsonb)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    #variable_conflict use_column
    declare
      sealed int;
    begin
      perform pg_advisory_xact_lock(hashtext('ledger.seal'));
      with given as materialized (
        select l."chainId" as chain_id, l."sequence" as sequence, l."entryId" as entry_id, decode(l."digest", 'hex') as digest,
               decode(l."previous", 'hex') as previous, decode(l."hash", 'hex') as hash
        from jsonb_to_recordset(seal.links) as l(
          "chainId" uuid, "sequence" bigint, "entryId" bigint, "digest" text, "previous" text, "hash" text)
      ),
      taken as (
        delete from ledger.unsealed u using given g
        where u.entry_id = g.entry_id and u.chain_id = g.chain_id
        returning u.entry_id, u.chain_id
      )
      insert into ledger.links (chain_id, sequence, entry_id, digest, previous, hash)
      select g.chain_id, g.sequence, g.entry_id, g.digest, g.previous, g.hash
      from given g
      join taken t on t.entry_id = g.entry_id and t.chain_id = g.chain_id
      left join ledger.chains c on c.id = g.chain_id
      left join given before on before.chain_id = g.chain_id and before.sequence = g.sequence - 1
      where g.previous is not distinct from coalesce(before.hash, c.hash)
        and (before.sequence is not null or g.sequence = coalesce(c.sequence, 0) + 1);
      get diagnostics sealed = row_count;
      if sealed <> jsonb_array_length(seal.links) then raise exception 'not all of these links continue a chain'; end if;
      insert into ledger.chains (id, kind, sequence, hash, sealed_at, head)
      select h."chainId", h."kind", h."sequence", decode(h."hash", 'hex'), h."at", h."token"
      from jsonb_to_recordset(seal.heads) as h(
        "chainId" uuid, "kind" text, "sequence" bigint, "hash" text, "at" timestamptz, "token" text)
      join ledger.links l on l.chain_id = h."chainId" and l.sequence = h."sequence" and l.hash = decode(h."hash", 'hex')
      on conflict on constraint chains_pkey do update
        set sequence = excluded.sequence, hash = excluded.hash, sealed_at = excluded.sealed_at, head = excluded.head;
    end $$`);

  // What the graph serves, as far as its store lets a caller see it.
  await knex.raw(`
    create view ledger.published_entries as
      select id, uuid, at, kind, action, outcome, actor_tenant, actor_identity, subject_type, subject_id, community_id,
             stream_id, before, after, request_id
      from ledger.entries`);
  await knex.raw(`
    create view ledger.published_concerns as select tenant_id, entry_id, community_id from ledger.concerns`);
  await knex.raw(`
    create view ledger.published_links as
      select entry_id, chain_id, encode(previous, 'hex') as previous, encode(hash, 'hex') as hash from ledger.links`);
  await knex.raw(`
    create view ledger.published_heads as
      select id as chain_id, sequence, encode(hash, 'hex') as hash, sealed_at, head from ledger.chains`);

  await knex.raw(`
    grant execute on function ledger.take_unsealed(int), ledger.seal(jsonb, jsonb) to tributary_community`);
  await knex.raw(`
    grant select on ledger.published_entries, ledger.published_concerns, ledger.published_links, ledger.published_heads
      to tributary_community`);
  await knex.raw(
    `grant execute on function ledger.refuse(uuid, text, text, jsonb) to tributary_issuer`,
  );
}
