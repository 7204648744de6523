import type { Knex } from "knex";

/** The words of a changed stream are looked for once, in however many communities it is shared. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function stream.words_of_changed_streams() returns trigger language plpgsql as $$
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
        using (select distinct c.tenant_id, c.stream_id from unnest(tenants, streams) as c (tenant_id, stream_id)) c
        where w.tenant_id = c.tenant_id and w.stream_id = c.stream_id;
      perform stream.add_words(tenants, streams, memberships, communities);
      return null;
    end $$`);
}
