import type { Knex } from "knex";

/** The append-only record. The app's roles can call `append` and nothing else. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table ledger.entries (
      id bigint generated always as identity constraint entries_pkey primary key,
      at timestamptz not null default clock_timestamp(),
      kind text not null,
      action text not null,
      actor_identity uuid,
      actor_person uuid,
      subject_type text not null,
      subject_id uuid not null,
      tenant_ids uuid[] not null,
      community_id uuid,
      before jsonb,
      after jsonb,
      request_id text not null
    )`);
  // Erasing a person empties this table of its id and leaves the entries, which hold ids alone, as they are.
  await knex.raw(`
    create table ledger.names (
      id uuid not null,
      recorded_at timestamptz not null default clock_timestamp(),
      name text,
      email text,
      constraint names_pkey primary key (id, recorded_at)
    )`);
  await knex.raw(`
    create function ledger.append(
      actor_identity uuid, actor_person uuid, request_id text, action text, entries jsonb, names jsonb
    ) returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
      insert into ledger.entries (kind, action, actor_identity, actor_person, subject_type, subject_id,
                                  tenant_ids, community_id, before, after, request_id)
      select e."kind", append.action, append.actor_identity, append.actor_person, e."subjectType", e."subjectId",
             e."tenantIds", e."communityId", e."before", e."after", append.request_id
      from jsonb_to_recordset(append.entries) as e("kind" text, "subjectType" text, "subjectId" uuid,
             "tenantIds" uuid[], "communityId" uuid, "before" jsonb, "after" jsonb);
      insert into ledger.names (id, name, email)
      select n."id", n."name", n."email" from jsonb_to_recordset(append.names) as n("id" uuid, "name" text, "email" text)
      on conflict do nothing
    $$`);
  for (const role of ["tenant", "community", "stream", "issuer"]) {
    await knex.raw(`grant usage on schema ledger to tributary_${role}`);
    await knex.raw(`
      grant execute on function ledger.append(uuid, uuid, text, text, jsonb, jsonb) to tributary_${role}`);
  }
}
