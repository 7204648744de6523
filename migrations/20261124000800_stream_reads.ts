import type { Knex } from "knex";

/**
 * Who read what of another tenant's streams (rule 16), as the reads tell it in batches: each read by itself, and how many
 * there were a day between two tenants in a community.
 */
export async function up(knex: Knex): Promise<void> {
  // The gate, deciding as before: of another tenant's stream it tells by which share, the oldest that lets the identity in.
  await knex.raw(`drop function stream.visible(uuid)`);
  await knex.raw(`
    create function stream.visible(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, type_id int, is_own boolean, rights int, share_id uuid, community_id int)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, o.type_id, true, o.rights, null::uuid, null::int from stream.own(visible.viewer) o
      union all
      select s.tenant_id, s.id, s.uuid, s.type_id, false, 1, w.uuid, w.community_id
      from stream.streams s
      join tenant.published_identities me on me.uuid = visible.viewer
      cross join lateral (
        select h.uuid, h.community_id
        from stream.shares h
        cross join lateral stream.opened_to(visible.viewer, h.tenant_id, h.membership_id, h.community_id)
        where me.tenant_id <> s.tenant_id and h.tenant_id = s.tenant_id and h.stream_id = s.id
        order by h.shared_at, h.uuid limit 1
      ) w
    $$`);

  // tenant_id: whose stream it is. What was read is told after the reader, its share or its community are gone, so none of
  // them is referred to. batch_id: the request of the entry in the ledger that holds the digest of what was written together. reader_mark: how the sharer tells one reader from another when its name is not there any more.
  await knex.raw(`
    create table stream.reads (
      tenant_id int not null,
      stream_id int not null,
      at timestamptz not null,
      id bigint generated always as identity,
      batch_id uuid not null,
      reader_tenant_id int not null,
      reader_id int not null,
      reader_mark text,
      share_id uuid not null,
      community_id int not null,
      kind text not null constraint reads_kind_known
        check (kind in ('FIRST', 'LAST', 'AT', 'EVENTS', 'INTERPOLATED', 'SUMMARIES', 'PLOT', 'LTTB')),
      from_ts timestamptz,
      to_ts timestamptz,
      points bigint not null,
      request_id text not null,
      constraint reads_pkey primary key (tenant_id, stream_id, at, id)
    )`);
  await knex.raw(`
    create table stream.usage (
      tenant_id int not null,
      day timestamptz not null,
      reader_tenant_id int not null,
      community_id int not null,
      reads bigint not null,
      points bigint not null,
      constraint usage_pkey primary key (tenant_id, day, reader_tenant_id, community_id)
    )`);
  await knex.raw(
    `create index usage_by_reader on stream.usage (reader_tenant_id, day, tenant_id, community_id)`,
  );
  await knex.raw(`revoke update, delete on stream.reads from tributary_stream`);
}
