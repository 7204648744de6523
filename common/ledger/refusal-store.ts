import type { Knex } from "../database.ts";

/** What the ledger keeps of a refusal: which, or how many more there were. */
export type RefusalDetails =
  | { readonly code: string; readonly ids: Readonly<Record<string, string>> }
  | { readonly count: number };

export class RefusalStore {
  constructor(private readonly db: Knex) {}

  /** In the ledger of the identity's tenant; nothing of an identity that is there no more. */
  async add(
    identityId: string,
    requestId: string,
    action: string,
    details: RefusalDetails,
  ): Promise<void> {
    await this.db.raw("select ledger.refuse(?, ?, ?, ?::jsonb)", [
      identityId,
      requestId,
      action,
      JSON.stringify(details),
    ]);
  }
}
