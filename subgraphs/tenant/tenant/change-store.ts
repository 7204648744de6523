import type { Knex } from "../../../common/database.ts";
import { hashToken } from "../../../common/one-use-link.ts";
import type { Entitlement } from "../generated.ts";
import type { TenantPolicy } from "./store.ts";

/** A tenant's row: its number inside, its id outside. */
export interface TenantKey {
  readonly id: number;
  readonly uuid: string;
}

export interface TenantChange extends Partial<TenantPolicy> {
  readonly name?: string;
  readonly region?: string | null;
}

export interface LeaderlessPlace {
  readonly communityId: string;
  readonly role: string;
}

const columns: Readonly<Record<keyof TenantChange, string>> = {
  name: "name",
  region: "region",
  moderatorsAreAdministrators: "moderators_are_administrators",
  communityFounders: "community_founders",
  usesPseudonyms: "uses_pseudonyms",
};

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

  async update({ id }: TenantKey, change: TenantChange): Promise<void> {
    const changed = Object.entries(change).map(
      ([key, value]) => [columns[key as keyof TenantChange], value] as const,
    );
    if (changed.length > 0)
      await this.transaction("tenant.tenants")
        .update(Object.fromEntries(changed))
        .where({ id });
  }

  /** The communities in which nobody of the tenant acts in the role that it needs there (rule 5). */
  async leaderlessPlaces({ id }: TenantKey): Promise<LeaderlessPlace[]> {
    const { rows } = await this.transaction.raw<{ rows: LeaderlessPlace[] }>(
      `select community as "communityId", role from community.leaderless_places(?)`,
      [id],
    );
    return rows;
  }

  /** Whether this is the token of an invitation that can be accepted. */
  async isInvited(token: string): Promise<boolean> {
    const { rows } = await this.transaction.raw<{
      rows: [{ invited: boolean }];
    }>(`select community.is_invited(?) as invited`, [hashToken(token)]);
    return rows[0].invited;
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
