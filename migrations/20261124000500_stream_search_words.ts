import type { Knex } from "knex";

/**
 * What a search finds streams by: each word of a stream in the order of names, once for its own tenant and once for
 * each community in which it is shared. The own tenant's rows hold every text; a community's hold what rule 18 shows,
 * so that nothing else can be found, counted or timed there (docs/decisions/search.md).
 */
export async function up(knex: Knex): Promise<void> {
  // Trusted: the database's owner may create them.
  await knex.raw(`create extension if not exists pg_trgm`);
  await knex.raw(`create extension if not exists btree_gin`);

  // scope_id: the tenant's or the community's.
  await knex.raw(`
    create table stream.words (
      scope text not null constraint words_scope_known check (scope in ('OWN', 'SHARED')),
      scope_id int not null,
      word text not null,
      name text not null,
      uuid uuid not null,
      tenant_id int not null,
      stream_id int not null,
      membership_id int,
      constraint words_membership_if_shared check ((scope = 'SHARED') = (membership_id is not null))
    )`);
  // Each word of a scope once. One that is in no stream any more finds nothing, and stays.
  await knex.raw(`
    create table stream.vocabulary (
      scope text not null,
      scope_id int not null,
      word text not null
    )`);

  // Letters and digits in a row make a word, and every character beyond ASCII counts as a letter. A long word is kept in
  // pieces of 100 which overlap by 50, so that each 50 characters of it stand in one piece.
  await knex.raw(`
    create function stream.words_in(texts text) returns table (word text)
    language sql immutable as $$
      select distinct substr(m.found[1], 1 + 50 * p.place, 100)
      from regexp_matches(lower(words_in.texts), '[^\\u0001-\\u002f\\u003a-\\u0060\\u007b-\\u007f]+', 'g') as m (found)
      cross join lateral generate_series(0, greatest(length(m.found[1]) - 51, 0) / 50) as p (place)
    $$`);
  // Of these streams; what is null of membership and community is the own tenant's.
  await knex.raw(`
    create function stream.add_words(tenants int[], streams int[], memberships int[], communities int[]) returns void
    language sql volatile as $$
      with found as materialized (
        select case when h.membership_id is null then 'OWN' else 'SHARED' end as scope,
               coalesce(h.community_id, h.tenant_id) as scope_id, w.word, s.name, s.uuid, h.tenant_id, h.stream_id,
               h.membership_id
        from unnest(add_words.tenants, add_words.streams, add_words.memberships, add_words.communities)
          as h (tenant_id, stream_id, membership_id, community_id)
        join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
        join stream.stream_types y on y.tenant_id = s.tenant_id and y.id = s.type_id
        cross join lateral stream.words_in(concat_ws(E'\\n', s.name, s.description, array_to_string(s.tags, E'\\n'), y.name,
          case when h.membership_id is null then s.external_id end,
          case when h.membership_id is null then s.metadata::text end)) w
      ),
      -- In order, or two that add the same words would wait for each other.
      known as (
        insert into stream.vocabulary (scope, scope_id, word)
        select distinct f.scope, f.scope_id, f.word from found f order by 1, 2, 3
        on conflict do nothing
      )
      insert into stream.words (scope, scope_id, word, name, uuid, tenant_id, stream_id, membership_id)
      select f.scope, f.scope_id, f.word, f.name, f.uuid, f.tenant_id, f.stream_id, f.membership_id from found f
    $$`);

  // Kept by triggers, set-wise, because streams and shares are written by many roads.
  await knex.raw(`
    create function stream.words_of_new_streams() returns trigger language plpgsql as $$
    begin
      perform stream.add_words(array_agg(n.tenant_id), array_agg(n.id), array_agg(null::int), array_agg(null::int))
        from added n having count(*) > 0;
      return null;
    end $$`);
  await knex.raw(`
    create trigger words_of_new_streams after insert on stream.streams referencing new table as added
    for each statement execute function stream.words_of_new_streams()`);
  await knex.raw(`
    create function stream.words_of_new_shares() returns trigger language plpgsql as $$
    begin
      perform stream.add_words(array_agg(n.tenant_id), array_agg(n.stream_id), array_agg(n.membership_id),
                               array_agg(n.community_id))
        from added n having count(*) > 0;
      return null;
    end $$`);
  await knex.raw(`
    create trigger words_of_new_shares after insert on stream.shares referencing new table as added
    for each statement execute function stream.words_of_new_shares()`);
  await knex.raw(`
    create function stream.words_of_changed_streams() returns trigger language plpgsql as $$
    declare
      tenants int[]; streams int[]; memberships int[]; communities int[];
    begin
      select array_agg(n.tenant_id), array_agg(n.id), array_agg(h.membership_id), array_agg(h.community_id)
      into tenants, streams, memberships, communities
      from after_change n
      join before_change o on o.tenant_id = n.tenant_id and o.id = n.id
      cross join lateral (
        select null::int as membership_id, null::int as community_id
        union all
        select h.membership_id, h.community_id from stream.shares h where h.tenant_id = n.tenant_id and h.stream_id = n.id
      ) h
      where (n.name, n.description, n.tags, n.external_id, n.metadata)
        is distinct from (o.name, o.description, o.tags, o.external_id, o.metadata);
      delete from stream.words w
        using unnest(tenants, streams) as c (tenant_id, stream_id)
        where w.tenant_id = c.tenant_id and w.stream_id = c.stream_id;
      perform stream.add_words(tenants, streams, memberships, communities);
      return null;
    end $$`);
  await knex.raw(`
    create trigger words_of_changed_streams after update on stream.streams
    referencing old table as before_change new table as after_change
    for each statement execute function stream.words_of_changed_streams()`);

  // By triggers, too, they end with what they tell of: foreign keys would be asked for each of twenty words of a stream.
  // With the owner's rights, because shares end with memberships, which are another subgraph's.
  await knex.raw(`
    create function stream.words_of_removed_streams() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      delete from stream.words w using removed r where w.tenant_id = r.tenant_id and w.stream_id = r.id;
      return null;
    end $$`);
  await knex.raw(`
    create trigger words_of_removed_streams after delete on stream.streams referencing old table as removed
    for each statement execute function stream.words_of_removed_streams()`);
  await knex.raw(`
    create function stream.words_of_removed_shares() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      delete from stream.words w using removed r
        where w.tenant_id = r.tenant_id and w.stream_id = r.stream_id and w.membership_id = r.membership_id;
      return null;
    end $$`);
  await knex.raw(`
    create trigger words_of_removed_shares after delete on stream.shares referencing old table as removed
    for each statement execute function stream.words_of_removed_shares()`);

  await knex.raw(`
    select stream.add_words(array_agg(h.tenant_id), array_agg(h.stream_id), array_agg(h.membership_id),
                            array_agg(h.community_id))
    from (select s.tenant_id, s.id as stream_id, null::int as membership_id, null::int as community_id from stream.streams s
          union all
          select h.tenant_id, h.stream_id, h.membership_id, h.community_id from stream.shares h) h`);

  await knex.raw(`
    alter table stream.words
      add constraint words_pkey primary key (scope, scope_id, word, name, uuid) include (tenant_id, stream_id, membership_id)`);
  await knex.raw(
    `create index words_by_stream on stream.words (tenant_id, stream_id, membership_id)`,
  );
  await knex.raw(`
    alter table stream.vocabulary add constraint vocabulary_pkey primary key (scope, scope_id, word)`);
  await knex.raw(
    `create index vocabulary_by_part on stream.vocabulary using gin (scope, scope_id, word gin_trgm_ops)`,
  );

  // All that a page needs of a stream to ask the gate for it; else PostgreSQL would rather sort all of them.
  await knex.raw(`drop index stream.streams_by_name`);
  await knex.raw(
    `create index streams_by_name on stream.streams (tenant_id, name, uuid) include (id)`,
  );
}
