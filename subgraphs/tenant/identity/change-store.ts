import { brokenConstraint, type Knex } from "../../../common/database.ts";
import {
  conflict,
  forbidden,
  identityGone,
  notFound,
} from "../../../common/errors.ts";
import type { OneUseLink } from "../../../common/one-use-link.ts";
import { isUuid } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { TenantRole } from "../generated.ts";
import type { TenantKey } from "../tenant/change-store.ts";
import type { LedPlace } from "./leadership.ts";

/** MEMBER is every identity's, and never stored. */
export type StoredRole = Exclude<TenantRole, "MEMBER">;

export type IdentityKind = "USER" | "CLIENT";

/** An identity as it is while its lock is held. */
export interface LockedIdentity {
  readonly id: number;
  readonly uuid: string;
  readonly kind: IdentityKind;
  readonly enabled: boolean;
  readonly roles: readonly StoredRole[];
}

/** What one transaction changes of identities. */
export class IdentityChangeStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /**
   * T1: the viewer's tenant, locked against every other change of its identities, and of the identities asked for
   * those that belong to it. The viewer must be its administrator still. To change the tenant's settings takes a claim
   * of its own.
   */
  async lockAsAdministrator(
    { identityId }: Viewer,
    {
      targets = [],
      claimSettings = false,
    }: { targets?: readonly string[]; claimSettings?: boolean } = {},
  ): Promise<{ tenant: TenantKey; identities: readonly LockedIdentity[] }> {
    if (identityId === null) throw identityGone();
    const tenants = await this.transaction.raw<{ rows: TenantKey[] }>(
      `select id, uuid from tenant.tenants
       where id = (select tenant_id from tenant.identities where uuid = ?) for no key update`,
      [identityId],
    );
    const [tenant] = tenants.rows;
    if (!tenant) throw identityGone();
    if (claimSettings)
      await this.transaction.raw(
        "select from tenant.claim_settings(array[?::int])",
        [tenant.id],
      );
    const { rows } = await this.transaction.raw<{ rows: LockedIdentity[] }>(
      `select id, uuid, kind, enabled, roles from tenant.claim_identities(array[?::int], ?::uuid[])`,
      [tenant.id, [identityId, ...targets].filter(isUuid)],
    );
    const actor = rows.find(({ uuid }) => uuid === identityId);
    if (!actor?.enabled) throw identityGone();
    if (!actor.roles.includes("ACCOUNT_ADMINISTRATOR"))
      throw forbidden("You may not administer your tenant any more.");
    return { tenant, identities: rows };
  }

  /** T1 about one user or client of the viewer's tenant. */
  async lockTarget(
    viewer: Viewer,
    kind: IdentityKind,
    id: string,
    at: string,
  ): Promise<{ tenant: TenantKey; target: LockedIdentity }> {
    const { tenant, identities } = await this.lockAsAdministrator(viewer, {
      targets: [id],
    });
    const target = identities.find(
      (identity) => identity.uuid === id && identity.kind === kind,
    );
    if (!target) throw notFound(at);
    return { tenant, target };
  }

  async addUser(
    tenant: TenantKey,
    user: { name: string; email: string; roles: readonly StoredRole[] },
  ): Promise<string> {
    const { id, uuid } = await this.add(tenant, "USER", user);
    try {
      await this.transaction.raw(
        `insert into tenant.users (tenant_id, identity_id, email) values (?, ?, ?)`,
        [tenant.id, id, user.email],
      );
    } catch (error) {
      if (brokenConstraint(error) === "users_email_unique")
        throw conflict(
          "A user of your tenant has this e-mail already. Use setUserRoles to change what that user is.",
          "input.email",
        );
      throw error;
    }
    return uuid;
  }

  async addClient(
    tenant: TenantKey,
    client: { name: string; clientId: string; roles: readonly StoredRole[] },
  ): Promise<{ id: number; uuid: string }> {
    const key = await this.add(tenant, "CLIENT", client);
    await this.transaction.raw(
      `insert into tenant.clients (tenant_id, identity_id, client_id) values (?, ?, ?)`,
      [tenant.id, key.id, client.clientId],
    );
    return key;
  }

  /** Gives an identity exactly these roles. */
  async setRoles(
    tenant: TenantKey,
    { id }: { id: number },
    roles: readonly StoredRole[],
  ): Promise<void> {
    await this.transaction.raw(
      `delete from tenant.identity_roles where tenant_id = ? and identity_id = ? and role <> all(?::text[])`,
      [tenant.id, id, [...roles]],
    );
    await this.transaction.raw(
      `insert into tenant.identity_roles (tenant_id, identity_id, role) select ?, ?, unnest(?::text[])
       on conflict do nothing`,
      [tenant.id, id, [...roles]],
    );
  }

  async setEnabled(
    tenant: TenantKey,
    { id }: LockedIdentity,
    enabled: boolean,
  ): Promise<void> {
    await this.transaction.raw(
      `update tenant.identities set enabled = ? where tenant_id = ? and id = ?`,
      [enabled, tenant.id, id],
    );
  }

  /** With its roles, here and in communities, and its secrets. */
  async remove(tenant: TenantKey, { id }: LockedIdentity): Promise<void> {
    await this.transaction.raw(
      `delete from tenant.identities where tenant_id = ? and id = ?`,
      [tenant.id, id],
    );
  }

  /** Whether a user other than this one administers the tenant. */
  async hasOtherAdministrator(
    tenant: TenantKey,
    { id }: LockedIdentity,
  ): Promise<boolean> {
    const { rows } = await this.transaction.raw<{ rows: unknown[] }>(
      `select from tenant.identity_roles r
       join tenant.identities i on i.id = r.identity_id and i.kind = 'USER' and i.enabled
       where r.tenant_id = ? and r.role = 'ACCOUNT_ADMINISTRATOR' and r.identity_id <> ? limit 1`,
      [tenant.id, id],
    );
    return rows.length > 0;
  }

  async ledPlaces({ id }: LockedIdentity): Promise<LedPlace[]> {
    const { rows } = await this.transaction.raw<{ rows: LedPlace[] }>(
      `select community as "communityId", role, is_last_effective as "isLastEffective" from community.led_places(?)`,
      [id],
    );
    return rows;
  }

  /** Lets an e-mail's reader set a password by a link; false, and no link, if it has a password already. */
  async addLink(email: string, link: OneUseLink): Promise<boolean> {
    const { rows } = await this.transaction.raw<{ rows: [{ added: boolean }] }>(
      `select issuer.add_link(?, ?, ?) as added`,
      [email, link.tokenHash, link.expiresAt],
    );
    return rows[0].added;
  }

  private async add(
    tenant: TenantKey,
    kind: IdentityKind,
    { name, roles }: { name: string; roles: readonly StoredRole[] },
  ): Promise<{ id: number; uuid: string }> {
    const { rows } = await this.transaction.raw<{
      rows: [{ id: number; uuid: string }];
    }>(
      `insert into tenant.identities (tenant_id, kind, name) values (?, ?, ?) returning id, uuid`,
      [tenant.id, kind, name],
    );
    await this.setRoles(tenant, rows[0], roles);
    return rows[0];
  }
}
