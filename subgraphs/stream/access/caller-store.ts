import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { identityGone } from "../../../common/errors.ts";
import { isUuid } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Caller } from "./caller.ts";

/** Who calls, by what the database says now. */
export class CallerStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** Null for a person without a tenant, and for an identity that is gone. */
  find(): Promise<Caller | null> {
    return this.self.load("the caller");
  }

  async get(): Promise<Caller> {
    const caller = await this.find();
    if (caller === null) throw identityGone();
    return caller;
  }

  /** Holds the caller's identity and roles, and those of colleagues, as they are until the transaction ends. */
  async lock(colleagues: readonly string[] = []): Promise<Caller> {
    const { identityId } = this.viewer;
    await this.db.raw(
      `select from tenant.lock_identities(
         array(select i.tenant_id from tenant.published_identities i where i.uuid = ?), ?::uuid[])`,
      [identityId, [identityId, ...colleagues.filter(isUuid)] as string[]],
    );
    return this.get();
  }

  /** Those of the identities that belong to the caller's tenant, by id with their rows. */
  async colleagues(
    { tenantRowId }: Caller,
    ids: readonly string[],
  ): Promise<Map<string, number>> {
    const { rows } = await this.db.raw<{
      rows: { id: string; rowId: number }[];
    }>(
      `select i.uuid as id, i.id as "rowId" from tenant.published_identities i
       where i.uuid = any (?::uuid[]) and i.tenant_id = ?`,
      [ids.filter(isUuid), tenantRowId],
    );
    return new Map(rows.map(({ id, rowId }) => [id, rowId]));
  }

  // For many fields that ask in one tick; nothing is remembered.
  private readonly self = new DataLoader(
    async (asked: readonly string[]) => {
      const caller = await this.read();
      return asked.map(() => caller);
    },
    { cache: false },
  );

  private async read(): Promise<Caller | null> {
    const { identityId } = this.viewer;
    const [caller] = await prepared<Caller>(
      this.db,
      this.db.raw(
        `select i.uuid as id, c.id as "rowId", t.uuid as "tenantId", c.tenant_id as "tenantRowId", c.roles,
                exists (select from tenant.published_entitlements e
                        where e.tenant_id = c.tenant_id and e.entitlement = 'COMMUNITIES') as "isEntitled",
                exists (select from stream.participations(i.uuid) p where p.role <> 'MEMBER') as leads
         from stream.caller(?) c
         join tenant.published_identities i on i.id = c.id
         join tenant.published_tenants t on t.id = c.tenant_id`,
        [identityId],
      ),
    );
    return caller ?? null;
  }
}
