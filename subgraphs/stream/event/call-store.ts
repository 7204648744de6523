import type { Knex } from "../../../common/database.ts";

/** A call that is to be done once. */
export interface KeyedCall {
  readonly tenantRowId: number;
  readonly key: string;
  /** Of what it asks for. */
  readonly digest: Buffer;
}

/** For so long a repeated call is answered as it was. */
const kept = "interval '24 hours'";

/** Calls under a key, as long as they are kept. */
export class CallStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /** Whether the call is new; another under the same key is waited for until it is done, or undone. */
  async claim({ tenantRowId, key, digest }: KeyedCall): Promise<boolean> {
    await this.forgetOld(tenantRowId);
    const { rows } = await this.transaction.raw<{ rows: object[] }>(
      `insert into stream.calls as c (tenant_id, key, digest) values (?, ?, ?)
       on conflict (tenant_id, key) do update set digest = excluded.digest, answer = null, called_at = excluded.called_at
       where c.called_at < now() - ${kept}
       returning c.key`,
      [tenantRowId, key, digest],
    );
    return rows.length > 0;
  }

  /** The answer to a call that was done before; null if the key stands for another call. */
  async answer<Answer>({
    tenantRowId,
    key,
    digest,
  }: KeyedCall): Promise<Answer | null> {
    const { rows } = await this.transaction.raw<{
      rows: { answer: Answer }[];
    }>(
      `select answer from stream.calls where tenant_id = ? and key = ? and digest = ?`,
      [tenantRowId, key, digest],
    );
    return rows[0]?.answer ?? null;
  }

  async keep({ tenantRowId, key }: KeyedCall, answer: object): Promise<void> {
    await this.transaction.raw(
      `update stream.calls set answer = ? where tenant_id = ? and key = ?`,
      [JSON.stringify(answer), tenantRowId, key],
    );
  }

  /** A few at a time, and none for which another call would have to wait. */
  private async forgetOld(tenantRowId: number): Promise<void> {
    await this.transaction.raw(
      `delete from stream.calls where (tenant_id, key) in (
         select tenant_id, key from stream.calls where tenant_id = ? and called_at < now() - ${kept}
         order by called_at limit 100 for update skip locked)`,
      [tenantRowId],
    );
  }
}
