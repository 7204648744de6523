import type { Knex } from "knex";

/**
 * In which order a sharer is told of identities behind pseudonyms: by a hash under a key of both tenants. It costs a
 * twentieth of a pseudonym, which is made for those on the page alone.
 */
export async function up(knex: Knex): Promise<void> {
  // Another one for each sharer, so that two do not find out by their places that they meet the same identity. Made of
  // what no pseudonym is made of: neither is found by the other.
  await knex.raw(`
    create function tenant.order_key(tenant_id int, sharer_id int) returns bytea
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select sha256(t.pseudonym_key || sha256(t.pseudonym_key || convert_to(concat_ws(' ', 'order', sharer.uuid), 'UTF8')))
      from tenant.tenants t
      cross join tenant.tenants sharer
      where t.id = order_key.tenant_id and sharer.id = order_key.sharer_id
    $$`);
  await knex.raw(
    `grant execute on function tenant.order_key(int, int) to tributary_stream`,
  );
}
