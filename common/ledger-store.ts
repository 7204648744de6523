import { randomUUID } from "node:crypto";
import type { Knex } from "knex";
import { nameHashOf } from "./ledger/chain.ts";
import type { Call } from "./viewer.ts";

/** What an entry of the ledger is about. */
export type LedgerKind =
  | "TENANT"
  | "IDENTITY"
  | "STREAM"
  | "EVENTS"
  | "COMMUNITY"
  | "MEMBERSHIP"
  | "INVITATION"
  | "ROLE"
  | "SHARE"
  | "ACCESS";

/** One change. Ids only: names and e-mails go to `names`, where they can be erased. */
export interface LedgerEntry {
  readonly kind: LedgerKind;
  readonly subjectType: string;
  /** The public id of what was changed. */
  readonly subjectId: string;
  /**
   * The tenants whom it concerns, by public id; null: all that are in the community while it is written, which its
   * transaction has locked. So it comes before the statement that removes a membership.
   */
  readonly tenantIds: readonly string[] | null;
  readonly communityId?: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** A name or e-mail that an id had when an entry was written. */
export interface LedgerName {
  readonly id: string;
  readonly name?: string | null;
  readonly email?: string | null;
}

/** Writes what one mutation did, in that mutation's own transaction, so that neither exists without the other. */
export async function record(
  transaction: Knex.Transaction,
  call: Call,
  action: string,
  entries: readonly LedgerEntry[],
  names: readonly LedgerName[] = [],
): Promise<void> {
  await transaction.raw(
    "select ledger.append(?, ?, ?, ?, ?::jsonb, ?::jsonb)",
    [
      call.viewer.identityId,
      call.viewer.person?.id ?? null,
      call.requestId,
      action,
      JSON.stringify(entries),
      JSON.stringify(names.map(salted)),
    ],
  );
}

/** The entry keeps the hash; what it is the hash of can be erased, salt and all, and then nobody can guess it. */
function salted({ id, name = null, email = null }: LedgerName) {
  const row = { id, name, email, salt: randomUUID() };
  return { ...row, hash: nameHashOf(row) };
}
