import type { Knex } from "knex";

/** Rule 16: how a sharer meets the identities that read: by name, or by a pseudonym where their tenant chose so. */
export async function up(knex: Knex): Promise<void> {
  // 244 random bits of each tenant's own.
  await knex.raw(`
    alter table tenant.tenants add column pseudonym_key bytea not null
      default sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))`);

  // The mark orders a tenant's identities in lists that the sharer pages through. It is a keyed hash, nested as in HMAC,
  // so that nobody without the key finds the identity; of the sharer too, so that two sharers do not find out that they
  // meet the same one; and of the choice, so that a mark from before it does not give the pseudonym away.
  await knex.raw(`
    create function tenant.introduce(identity_id int, sharer_id int)
    returns table (name text, is_pseudonym boolean, mark text)
    language sql stable rows 1 security definer set search_path = pg_catalog, pg_temp as $$
      select case when p.is_pseudonym then 'reader ' || left(h.mark, 16) else i.name end, p.is_pseudonym, h.mark
      from tenant.identities i
      join tenant.tenants t on t.id = i.tenant_id
      join tenant.tenants sharer on sharer.id = introduce.sharer_id
      cross join lateral (select t.uses_pseudonyms and t.id <> sharer.id) p (is_pseudonym)
      cross join lateral (
        select encode(sha256(t.pseudonym_key || sha256(t.pseudonym_key || convert_to(
                 concat_ws(' ', p.is_pseudonym, sharer.uuid, i.uuid), 'UTF8'))), 'hex')
      ) h (mark)
      where i.id = introduce.identity_id
    $$`);
  await knex.raw(
    `grant execute on function tenant.introduce(int, int) to tributary_stream`,
  );
  // Which that answers; nothing else there is the stream subgraph's concern.
  await knex.raw(
    `revoke select on tenant.published_settings from tributary_stream`,
  );
}
