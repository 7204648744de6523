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

/** What the link of an invitation ends with that was mailed to this address last. */
export async function invitationToken(
  owner: Knex,
  email: string,
): Promise<string> {
  const { rows } = await owner.raw<{ rows: { token: string | null }[] }>(
    `select substring(text from '/invitation/([A-Za-z0-9_-]+)') as token
     from mail.outbox where recipient = ? order by id desc limit 1`,
    [email],
  );
  const [mail] = rows;
  if (!mail?.token) throw new Error(`No invitation was mailed to ${email}.`);
  return mail.token;
}

/** Has nothing sent of what the demo world's making would tell its made-up people by e-mail. */
export async function forgetMails(owner: Knex): Promise<void> {
  await owner.raw("delete from mail.outbox");
  await owner.raw("update mail.notices set mailed_at = at");
}
