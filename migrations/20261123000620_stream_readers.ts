import type { Knex } from "knex";

/** Who has access, asked from the owner's side. Who that is, the gate's own functions and views say, and nothing here. */
export async function up(knex: Knex): Promise<void> {
  // The identities that read streams of their own tenant.
  await knex.raw(`
    create view stream.own_audience as
      select o.tenant_id, o.id as stream_id, i.id as identity_id
      from tenant.published_identities i
      cross join lateral stream.own(i.uuid) o
      where i.tenant_id = o.tenant_id and o.rights & 1 = 1`);

  // S8: the own streams whose readers this identity may see, all of them or those in communities that it leads.
  await knex.raw(`
    create function stream.overseen(viewer uuid)
    returns table (tenant_id int, id int, uuid uuid, identity_id int, is_whole boolean)
    language sql stable as $$
      select o.tenant_id, o.id, o.uuid, c.id, w.is_whole
      from stream.caller(overseen.viewer) c
      cross join stream.own(overseen.viewer) o
      cross join lateral (select o.rights & 16 = 16 or 'ACCOUNT_ADMINISTRATOR' = any (c.roles)) w (is_whole)
      where w.is_whole
        or exists (select from stream.shares h
                   join community.published_members me on me.membership_id = h.membership_id
                   where h.tenant_id = o.tenant_id and h.stream_id = o.id
                     and me.identity_id = c.id and me.role <> 'MEMBER')
    $$`);

  // Lists of a tenant's shares go by time, whole or by community.
  await knex.raw(
    `create index shares_by_time on stream.shares (tenant_id, shared_at, uuid)`,
  );
  await knex.raw(
    `create index shares_by_membership_and_time on stream.shares (membership_id, shared_at, uuid)`,
  );
}
