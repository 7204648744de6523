import { StartError } from "../../common/config.ts";
import type { Knex } from "../../common/database.ts";

interface Match {
  readonly id: string;
  readonly tenantId: string;
  readonly tenantName: string;
}

/** Whom an operator means, as the owner of the database sees it. */
export class IdentityStore {
  constructor(private readonly db: Knex) {}

  /** The id of the enabled identity with this id, client id or e-mail; in this tenant, if one is named. */
  async idOf(name: string, tenantId: string | undefined): Promise<string> {
    const { rows } = await this.db.raw<{ rows: Match[] }>(
      `select i.uuid as id, t.uuid as "tenantId", t.name as "tenantName"
       from tenant.identities i
       join tenant.tenants t on t.id = i.tenant_id
       left join tenant.users u on u.identity_id = i.id
       left join tenant.clients c on c.identity_id = i.id
       where i.enabled and (i.uuid::text = lower(?) or c.client_id = ? or u.email = lower(?))
         and t.uuid::text = coalesce(?, t.uuid::text)
       order by t.name, t.uuid`,
      [name, name, name, tenantId ?? null],
    );
    const [only, another] = rows;
    if (!only)
      throw new StartError(
        `Nobody here who is enabled has the e-mail, client id or identity id ${name}.`,
      );
    if (another)
      throw new StartError(
        [
          `${name} has users in several tenants. Choose one by --tenant:`,
          ...rows.map((row) => `  ${row.tenantId}  ${row.tenantName}`),
        ].join("\n"),
      );
    return only.id;
  }
}
