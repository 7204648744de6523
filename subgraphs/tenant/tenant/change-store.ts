import type { Knex } from "../../../common/database.ts";
import type { Entitlement } from "../generated.ts";

/** A tenant's row: its number inside, its id outside. */
export interface TenantKey {
  readonly id: number;
  readonly uuid: string;
}

/** What one transaction changes of tenants. */
export class TenantChangeStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  async insert(tenant: {
    name: string;
    region: string | null;
    entitlements: readonly Entitlement[];
  }): Promise<TenantKey> {
    const { rows } = await this.transaction.raw<{ rows: [TenantKey] }>(
      `insert into tenant.tenants (name, region) values (?, ?) returning id, uuid`,
      [tenant.name, tenant.region],
    );
    await this.transaction.raw(
      `insert into tenant.entitlements (tenant_id, entitlement) select ?, unnest(?::text[])`,
      [rows[0].id, [...tenant.entitlements]],
    );
    return rows[0];
  }

  async update(
    { id }: TenantKey,
    change: { name?: string; region?: string | null },
  ): Promise<void> {
    if (Object.keys(change).length > 0)
      await this.transaction("tenant.tenants").update(change).where({ id });
  }

  /**
   * Whether an e-mail has a user in some tenant. Until the transaction ends no other asks the same about it,
   * so that of two sign-ups at once one sees the other's user.
   */
  async hasUser(email: string): Promise<boolean> {
    await this.transaction.raw(
      `select pg_advisory_xact_lock(hashtextextended('tenant.users/' || ?, 0))`,
      [email],
    );
    const { rows } = await this.transaction.raw<{ rows: unknown[] }>(
      `select from tenant.users where email = ? limit 1`,
      [email],
    );
    return rows.length > 0;
  }
}
