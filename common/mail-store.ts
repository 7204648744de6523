import type { Knex } from "./database.ts";

/** A plain-text e-mail. A link stands on a line of its own; a subject is one line. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Has e-mails sent once the transaction is committed, and not if it is rolled back. */
export async function sendMail(
  transaction: Knex.Transaction,
  mails: readonly Mail[],
): Promise<void> {
  if (mails.length === 0) return;
  await transaction.raw("select mail.send(?::jsonb)", [JSON.stringify(mails)]);
}
