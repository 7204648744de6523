import type { Knex } from "knex";

/**
 * A change of a stream writes the words that differ, and none for a stream that is shared widely: each community has one
 * row of it then, of no word, and looks at the stream itself (docs/decisions/search.md).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table stream.streams add column is_widely_shared boolean not null default false`);

  // What finds a stream for its own tenant, or where it is shared.
  await knex.raw(`
    create function stream.words_of(is_own boolean, is_widely_shared boolean, tenant_id int, type_id int, name text,
                                    description text, tags text[], external_id text, metadata jsonb)
    returns table (word text)
    language sql stable as $$
      select w.word
      from stream.stream_types y
      cross join lateral stream.words_in(concat_ws(E'\\n', words_of.name, words_of.description,
        array_to_string(words_of.tags, E'\\n'), y.name,
        case when words_of.is_own then words_of.external_id end,
        case when words_of.is_own then words_of.metadata::text end)) w
      where y.tenant_id = words_of.tenant_id and y.id = words_of.type_id
        and (words_of.is_own or not words_of.is_widely_shared)
      union all
      select '' where words_of.is_widely_shared and not words_of.is_own
    $$`);

  await knex.raw(`
    create or replace function stream.add_words(tenants int[], streams int[], memberships int[], communities int[]) returns void
    language sql volatile as $$
      with found as materialized (
        select case when h.membership_id is null then 'OWN' else 'SHARED' end as scope,
               coalesce(h.community_id, h.tenant_id) as scope_id, w.word, s.name, s.uuid, h.tenant_id, h.stream_id,
               h.membership_id
        from unnest(add_words.tenants, add_words.streams, add_words.memberships, add_words.communities)
          as h (tenant_id, stream_id, membership_id, community_id)
        join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
        cross join lateral stream.words_of(h.membership_id is null, s.is_widely_shared, s.tenant_id, s.type_id, s.name,
                                           s.description, s.tags, s.external_id, s.metadata) w
      ),
      -- In order, or two that add the same words would wait for each other.
      known as (
        insert into stream.vocabulary (scope, scope_id, word)
        select distinct f.scope, f.scope_id, f.word from found f where f.word <> '' order by 1, 2, 3
        on conflict do nothing
      )
      insert into stream.words (scope, scope_id, word, name, uuid, tenant_id, stream_id, membership_id)
      select f.scope, f.scope_id, f.word, f.name, f.uuid, f.tenant_id, f.stream_id, f.membership_id from found f
    $$`);

  // Which words differ is found once for a stream, and once for all communities in which it is shared. Each row is looked
  // up by itself, however many PostgreSQL expects.
  await knex.raw(`
    create or replace function stream.words_of_changed_streams() returns trigger
    language plpgsql set enable_hashjoin = off set enable_mergejoin = off as $$
    begin
      with versions as materialized (
        select v.*
        from after_change n
        join before_change o on o.tenant_id = n.tenant_id and o.id = n.id
        cross join lateral (values
          (true, n.tenant_id, n.id, n.uuid, n.is_widely_shared, n.type_id, n.name, n.description, n.tags, n.external_id, n.metadata),
          (false, o.tenant_id, o.id, o.uuid, o.is_widely_shared, o.type_id, o.name, o.description, o.tags, o.external_id, o.metadata)
        ) v (is_new, tenant_id, id, uuid, is_widely_shared, type_id, name, description, tags, external_id, metadata)
        where (n.is_widely_shared, n.name, n.description, n.tags, n.external_id, n.metadata)
          is distinct from (o.is_widely_shared, o.name, o.description, o.tags, o.external_id, o.metadata)
      ),
      -- What both versions have is there already, and stays.
      differing as materialized (
        select v.tenant_id, v.id, v.uuid, k.is_own, w.word, v.name, bool_or(v.is_new) as is_new
        from versions v
        cross join (values (true), (false)) k (is_own)
        cross join lateral stream.words_of(k.is_own, v.is_widely_shared, v.tenant_id, v.type_id, v.name, v.description,
                                           v.tags, v.external_id, v.metadata) w
        group by v.tenant_id, v.id, v.uuid, k.is_own, w.word, v.name
        having count(*) = 1
      ),
      changes as materialized (
        select 'OWN' as scope, d.tenant_id as scope_id, d.*, null::int as membership_id from differing d where d.is_own
        union all
        select 'SHARED', h.community_id, d.*, h.membership_id
        from differing d
        join stream.shares h on h.tenant_id = d.tenant_id and h.stream_id = d.id
        where not d.is_own
      ),
      gone as (
        delete from stream.words w using changes c
        where not c.is_new and w.scope = c.scope and w.scope_id = c.scope_id and w.word = c.word and w.name = c.name
          and w.uuid = c.uuid
      ),
      -- In order, or two that add the same words would wait for each other.
      known as (
        insert into stream.vocabulary (scope, scope_id, word)
        select distinct c.scope, c.scope_id, c.word from changes c where c.is_new and c.word <> '' order by 1, 2, 3
        on conflict do nothing
      )
      insert into stream.words (scope, scope_id, word, name, uuid, tenant_id, stream_id, membership_id)
      select c.scope, c.scope_id, c.word, c.name, c.uuid, c.tenant_id, c.id, c.membership_id from changes c where c.is_new;
      return null;
    end $$`);

  // A stream is shared widely from its 101st share on, and stays so. That it is, is a change of the stream, which writes
  // the words of all of its shares; whoever shares it has locked it.
  await knex.raw(`
    create or replace function stream.words_of_new_shares() returns trigger language plpgsql as $$
    begin
      update stream.streams s set is_widely_shared = true
        from (select distinct n.tenant_id, n.stream_id from added n) n
        where s.tenant_id = n.tenant_id and s.id = n.stream_id and not s.is_widely_shared
          and (select count(*) from (select from stream.shares h
                                     where h.tenant_id = s.tenant_id and h.stream_id = s.id limit 101) h) > 100;
      perform stream.add_words(array_agg(n.tenant_id), array_agg(n.stream_id), array_agg(n.membership_id),
                               array_agg(n.community_id))
        from added n
        where not exists (select from stream.words w
                          where w.tenant_id = n.tenant_id and w.stream_id = n.stream_id and w.membership_id = n.membership_id)
        having count(*) > 0;
      return null;
    end $$`);

  await knex.raw(`
    update stream.streams s set is_widely_shared = true
    from (select h.tenant_id, h.stream_id from stream.shares h group by h.tenant_id, h.stream_id having count(*) > 100) h
    where s.tenant_id = h.tenant_id and s.id = h.stream_id`);
}
