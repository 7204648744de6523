import type { Knex } from "knex";

/** For what the community subgraph suggests to a person next. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index invitations_addressed on community.invitations (email) where state = 'CREATED'`,
  );

  // Those of the memberships through which nothing is shared yet, if this identity may share some stream of its tenant.
  // That takes a list that gives SHARE: to own a stream does not. There are few lists for many streams.
  await knex.raw(`
    create function stream.unshared(viewer uuid, memberships int[]) returns setof int
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
      select m.id
      from unnest(unshared.memberships) as m (id)
      where not exists (select from stream.shares h where h.membership_id = m.id)
        and exists (select from stream.caller(unshared.viewer) c
                    join stream.access_lists a on a.tenant_id = c.tenant_id
                    cross join lateral stream.list_rights(c.id, c.roles, a.tenant_id, a.id) l
                    where l.rights & 16 = 16
                      and exists (select from stream.streams s
                                  where s.tenant_id = a.tenant_id and s.access_list_id = a.id))
    $$`);
  await knex.raw(
    `grant execute on function stream.unshared(uuid, int[]) to tributary_community`,
  );
}
