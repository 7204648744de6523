import type { Knex } from "../../../common/database.ts";
import { limitExceeded } from "../../../common/errors.ts";
import type { TenantKey } from "../tenant/change-store.ts";
import type { ClientSecret } from "./store.ts";

const maxSecrets = 20;

/** What the ledger may hold of a secret. */
export type KeptSecret = Pick<ClientSecret, "id" | "expiresAt">;

/** What one transaction changes of the secrets of a client, whose row it has locked. */
export class SecretChangeStore {
  constructor(
    private readonly transaction: Knex.Transaction,
    private readonly tenant: TenantKey,
    private readonly client: { id: number },
  ) {}

  async add(secret: {
    hash: Buffer;
    hint: string;
    expiresAt: string | null;
  }): Promise<ClientSecret> {
    const { rows } = await this.transaction.raw<{ rows: [ClientSecret] }>(
      `insert into tenant.client_secrets (tenant_id, identity_id, hash, hint, expires_at) values (?, ?, ?, ?, ?)
       returning uuid as id, hint, created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt"`,
      [...this.key, secret.hash, secret.hint, secret.expiresAt],
    );
    await this.assertNotTooMany();
    return rows[0];
  }

  /**
   * Ends the secrets other than this one at a time, or now if that is past; those that end sooner still do. Answers
   * the ones that it changed, as they were.
   */
  async expireOthers(
    { id }: KeptSecret,
    at: string,
  ): Promise<readonly KeptSecret[]> {
    const { rows } = await this.transaction.raw<{ rows: KeptSecret[] }>(
      `update tenant.client_secrets s set expires_at = greatest(?::timestamptz, now())
       from tenant.client_secrets old
       where old.id = s.id and s.tenant_id = ? and s.identity_id = ? and s.uuid <> ?
         and (s.expires_at > greatest(?::timestamptz, now())) is not false
       returning old.uuid as id, old.expires_at as "expiresAt"`,
      [at, ...this.key, id, at],
    );
    return rows;
  }

  /** Whether there was such a secret. */
  async remove(secretId: string): Promise<boolean> {
    const { rows } = await this.transaction.raw<{ rows: unknown[] }>(
      `delete from tenant.client_secrets where tenant_id = ? and identity_id = ? and uuid = ? returning uuid`,
      [...this.key, secretId],
    );
    return rows.length > 0;
  }

  private async assertNotTooMany(): Promise<void> {
    const { rows } = await this.transaction.raw<{ rows: [{ count: number }] }>(
      `select count(*) as count from tenant.client_secrets where tenant_id = ? and identity_id = ?`,
      [...this.key],
    );
    const [{ count }] = rows;
    if (count > maxSecrets)
      throw limitExceeded(
        "secrets a client",
        maxSecrets,
        count,
        "Remove one that is not used any more with removeClientSecret.",
      );
  }

  private get key() {
    return [this.tenant.id, this.client.id] as const;
  }
}
