import type { Knex } from "knex";

/**
 * How many users and clients take part through each membership, kept by the statement that changes who does, whatever
 * that is (docs/decisions/counts.md).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table community.member_counts (
      membership_id int constraint member_counts_pkey primary key
        constraint member_counts_membership_fkey references community.memberships on delete cascade,
      users int not null default 0 constraint member_counts_users_some check (users >= 0),
      clients int not null default 0 constraint member_counts_clients_some check (clients >= 0)
    )`);
  await knex.raw(`
    insert into community.member_counts (membership_id, users, clients)
    select m.id, count(*) filter (where r.kind = 'USER'), count(*) filter (where r.kind = 'CLIENT')
    from community.memberships m left join community.members r on r.membership_id = m.id group by m.id`);

  await knex.raw(`
    create function community.start_counts() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      insert into community.member_counts (membership_id) select id from added;
      return null;
    end $$`);
  await knex.raw(`
    create trigger memberships_start_counts after insert on community.memberships
      referencing new table as added for each statement execute function community.start_counts()`);

  // What a statement leaves as it is, such as the count where only a role changes, is not touched; the rest is in the
  // order of ids. As the owner: whoever removes an identity in its tenant has no rights here.
  const added = "select membership_id, kind, 1 as change from added";
  const removed = "select membership_id, kind, -1 as change from removed";
  for (const [event, tables, changes] of [
    ["insert", "new table as added", added],
    ["delete", "old table as removed", removed],
    [
      "update",
      "old table as removed new table as added",
      `${added} union all ${removed}`,
    ],
  ] as const) {
    await knex.raw(`
      create function community.count_on_${event}() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
      begin
        with changes as (
          select c.membership_id,
                 coalesce(sum(c.change) filter (where c.kind = 'USER'), 0) as users,
                 coalesce(sum(c.change) filter (where c.kind = 'CLIENT'), 0) as clients
          from (${changes}) c
          group by c.membership_id
        ), locked as (
          select n.membership_id, changes.users, changes.clients
          from changes join community.member_counts n on n.membership_id = changes.membership_id
          where changes.users <> 0 or changes.clients <> 0
          order by n.membership_id for update of n
        )
        update community.member_counts n set users = n.users + locked.users, clients = n.clients + locked.clients
        from locked where locked.membership_id = n.membership_id;
        return null;
      end $$`);
    await knex.raw(`
      create trigger members_count_on_${event} after ${event} on community.members
        referencing ${tables} for each statement execute function community.count_on_${event}()`);
  }
}
