import type { Knex } from "knex";

/** Rule 16 as before; many identities are introduced at once for what one costs a few times. */
export async function up(knex: Knex): Promise<void> {
  // How each identity is met by each tenant; the only place that says so, and granted to nobody.
  await knex.raw(`
    create view tenant.introductions as
      select i.id as identity_id, sharer.id as sharer_id, p.is_pseudonym, h.mark,
             case when p.is_pseudonym then 'reader ' || left(h.mark, 16) else i.name end as name
      from tenant.identities i
      join tenant.tenants t on t.id = i.tenant_id
      cross join tenant.tenants sharer
      cross join lateral (select t.uses_pseudonyms and t.id <> sharer.id) p (is_pseudonym)
      cross join lateral (
        select encode(sha256(t.pseudonym_key || sha256(t.pseudonym_key || convert_to(
                 concat_ws(' ', p.is_pseudonym, sharer.uuid, i.uuid), 'UTF8'))), 'hex')
      ) h (mark)`);
  await knex.raw(
    `revoke all on tenant.introductions from tributary_tenant, tributary_stream, tributary_community`,
  );
  await knex.raw(`
    create or replace function tenant.introduce(identity_id int, sharer_id int)
    returns table (name text, is_pseudonym boolean, mark text)
    language sql stable rows 1 security definer set search_path = pg_catalog, pg_temp as $$
      select n.name, n.is_pseudonym, n.mark from tenant.introductions n
      where n.identity_id = introduce.identity_id and n.sharer_id = introduce.sharer_id
    $$`);
  await knex.raw(`
    create function tenant.introduce_each(identity_ids int[], sharer_ids int[])
    returns table (identity_id int, sharer_id int, name text, is_pseudonym boolean, mark text)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select n.identity_id, n.sharer_id, n.name, n.is_pseudonym, n.mark
      from unnest(introduce_each.identity_ids, introduce_each.sharer_ids) a (identity_id, sharer_id)
      join tenant.introductions n on n.identity_id = a.identity_id and n.sharer_id = a.sharer_id
    $$`);
  await knex.raw(
    `grant execute on function tenant.introduce_each(int[], int[]) to tributary_stream`,
  );
}
