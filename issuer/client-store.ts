import { timingSafeEqual } from "node:crypto";
import type { Knex } from "../common/database.ts";
import { hashToken } from "../common/one-use-link.ts";
import type { TenantIdentity } from "./person-store.ts";

interface Secret {
  readonly identity_id: string;
  readonly tenant_id: string;
  /** Null for a client without a secret that is good now. */
  readonly secret_id: string | null;
  readonly hash: Buffer | null;
}

/** The client programs of all tenants, as the tenant subgraph publishes them to the issuer. */
export class ClientStore {
  constructor(private readonly db: Knex) {}

  /** The identity of a client that may sign in. */
  async identityOf(clientId: string): Promise<TenantIdentity | undefined> {
    const [secret] = await this.secrets(clientId);
    return (
      secret && { identity: secret.identity_id, tenantId: secret.tenant_id }
    );
  }

  /** Whether this is one of the client's secrets; notes that it was used. */
  async isSecret(clientId: string, secret: string): Promise<boolean> {
    const hash = hashToken(secret);
    const used = (await this.secrets(clientId)).find(
      (candidate) =>
        candidate.hash?.length === hash.length &&
        timingSafeEqual(candidate.hash, hash),
    );
    if (!used) return false;
    await this.db.raw("select tenant.secret_used(?, clock_timestamp())", [
      used.secret_id,
    ]);
    return true;
  }

  private async secrets(clientId: string): Promise<Secret[]> {
    if (clientId.includes("\0")) return [];
    const { rows } = await this.db.raw<{ rows: Secret[] }>(
      `select s.identity_id, t.uuid as tenant_id, s.secret_id, s.hash
       from tenant.secrets_of_client(?) s
       join tenant.published_identities i on i.uuid = s.identity_id
       join tenant.published_tenants t on t.id = i.tenant_id`,
      [clientId],
    );
    return rows;
  }
}
