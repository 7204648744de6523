import type { Knex } from "./database.ts";
import { limitExceeded } from "./errors.ts";

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

/** How many mails of a kind a tenant sends to addresses that it chooses, in 24 hours. */
export interface DailyLimit {
  readonly tenantId: string;
  readonly kind: string;
  /** The kind in the words of a refusal. */
  readonly what: string;
  readonly perDay: number;
}

/** As `sendMail`, unless the tenant has sent as many of that kind as it may. */
export async function sendLimitedMail(
  transaction: Knex.Transaction,
  mail: Mail,
  { tenantId, kind, what, perDay }: DailyLimit,
): Promise<void> {
  const { rows } = await transaction.raw<{ rows: [{ isWithin: boolean }] }>(
    `select mail.count_sending(?, ?, ?) as "isWithin"`,
    [tenantId, kind, perDay],
  );
  if (!rows[0].isWithin)
    throw limitExceeded(
      `${what} in 24 hours`,
      perDay,
      perDay + 1,
      "Send the next one tomorrow.",
    );
  await sendMail(transaction, [mail]);
}
