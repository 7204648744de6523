import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { isUuid } from "../../../common/page.ts";

export interface ClientSecret {
  readonly id: string;
  readonly hint: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

/** T2: the secrets of a client are for administrators of its tenant and for itself. */
const visibleClients = `
  from tenant.identities viewer
  join tenant.clients c on c.tenant_id = viewer.tenant_id
    and (c.identity_id = viewer.id or exists (
      select from tenant.identity_roles r where r.identity_id = viewer.id and r.role = 'ACCOUNT_ADMINISTRATOR'))
  join tenant.identities i on i.id = c.identity_id`;

/** What one identity may know of clients' secrets. */
export class SecretStore {
  constructor(
    private readonly db: Knex,
    private readonly identityId: string | null,
  ) {}

  /** Null if the viewer may not know them. */
  async of(client: { id: string }): Promise<readonly ClientSecret[] | null> {
    return this.byClient.load(client.id);
  }

  /** The client that has a secret, by id. */
  async findClientId(secretId: string): Promise<string | null> {
    if (!isUuid(secretId)) return null;
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `select i.uuid as id ${visibleClients}
       join tenant.client_secrets s on s.identity_id = i.id
       where viewer.uuid = ? and viewer.enabled and s.uuid = ?`,
      [this.identityId, secretId],
    );
    return rows[0]?.id ?? null;
  }

  private readonly byClient = new DataLoader(
    async (clientIds: readonly string[]) => {
      const { rows } = await this.db.raw<{
        rows: { clientId: string; secrets: ClientSecret[] }[];
      }>(
        `select i.uuid as "clientId", array(
           select json_build_object('id', s.uuid, 'hint', s.hint, 'createdAt', s.created_at,
                                    'expiresAt', s.expires_at, 'lastUsedAt', s.last_used_at)
           from tenant.client_secrets s where s.identity_id = i.id order by s.id) as secrets
         ${visibleClients}
         where viewer.uuid = ? and viewer.enabled and i.uuid = any(?::uuid[])`,
        [this.identityId, [...new Set(clientIds)]],
      );
      const found = inKeyOrder(clientIds, rows, (row) => row.clientId);
      return found.map((row) => row?.secrets ?? null);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );
}
