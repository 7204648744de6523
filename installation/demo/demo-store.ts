import type { Knex } from "../../common/database.ts";

/** Whether nobody has founded anything here yet. */
export async function isEmpty(owner: Knex): Promise<boolean> {
  const { rows } = await owner.raw<{ rows: unknown[] }>(
    "select from tenant.tenants limit 1",
  );
  return rows.length === 0;
}

/** Empties every table, for a demo world that a start did not get to finish. */
export async function empty(owner: Knex): Promise<void> {
  await owner.raw(`
    do $$ begin
      execute (
        select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ')
        from pg_tables where schemaname in ('tenant', 'community', 'stream', 'issuer', 'ledger', 'mail'));
    end $$`);
}

/** Has nothing sent of what the demo world's making would tell its made-up people by e-mail. */
export async function forgetMails(owner: Knex): Promise<void> {
  await owner.raw("delete from mail.outbox");
  await owner.raw("update mail.notices set mailed_at = at");
}
