import { randomUUID } from "node:crypto";
import { StartError } from "../common/config.ts";
import { brokenConstraint, type Knex } from "../common/database.ts";
import { record } from "../common/ledger-store.ts";
import { sendMail } from "../common/mail-store.ts";
import {
  createOneUseLink,
  passwordMail,
  type OneUseLink,
} from "../common/one-use-link.ts";
import { isUuid } from "../common/page.ts";
import { anonymous, type Call } from "../common/viewer.ts";
import type { MembershipStatus } from "../subgraphs/community/generated.ts";
import { MembershipStore } from "../subgraphs/community/membership/store.ts";
import type { Entitlement } from "../subgraphs/tenant/generated.ts";
import { IdentityChangeStore } from "../subgraphs/tenant/identity/change-store.ts";
import { foundTenant } from "../subgraphs/tenant/tenant/actions.ts";

interface Row {
  readonly id: number;
  readonly uuid: string;
}

export async function isMigrated(db: Knex): Promise<boolean> {
  const { rows } = await db.raw<{ rows: [{ found: boolean }] }>(
    `select to_regclass('tenant.tenants') is not null as found`,
  );
  return rows[0].found;
}

/** A tenant as the operator's list shows it. */
export interface ListedTenant {
  readonly id: string;
  readonly name: string;
  readonly userCount: number;
  readonly clientCount: number;
  readonly entitlements: readonly Entitlement[];
}

/** What the operator does beside the graph, as the owner of the database. Each change is in the ledger, by nobody. */
export class OperatorStore {
  private readonly call: Call = {
    viewer: anonymous,
    requestId: `operator-${randomUUID()}`,
  };

  constructor(private readonly db: Knex) {}

  async tenants(): Promise<ListedTenant[]> {
    const { rows } = await this.db.raw<{ rows: ListedTenant[] }>(`
      select t.uuid as id, t.name,
             count(i.id) filter (where i.kind = 'USER') as "userCount",
             count(i.id) filter (where i.kind = 'CLIENT') as "clientCount",
             array(select e.entitlement from tenant.entitlements e where e.tenant_id = t.id order by 1) as entitlements
      from tenant.tenants t
      left join tenant.identities i on i.tenant_id = t.id
      group by t.id
      order by t.id`);
    return rows;
  }

  /** A tenant and its first user; `link`, which is mailed too, lets that user set a password, and is null if the e-mail has one already. */
  async found(
    tenant: Parameters<typeof foundTenant>[3],
    publicUrl: URL,
  ): Promise<{ id: string; founderId: string; link: OneUseLink | null }> {
    const link = createOneUseLink(publicUrl);
    return this.db.transaction(async (transaction) => {
      const founded = await foundTenant(
        transaction,
        this.call,
        "foundTenant",
        tenant,
      );
      const linked = await new IdentityChangeStore(transaction).addLink(
        tenant.founder.email,
        link,
      );
      if (linked)
        await sendMail(transaction, [passwordMail(tenant.founder.email, link)]);
      return { ...founded, link: linked ? link : null };
    });
  }

  async setEntitlement(
    tenantId: string,
    entitlement: Entitlement,
    granted: boolean,
  ): Promise<void> {
    await this.db.transaction(async (transaction) => {
      const tenant = await lockTenant(transaction, tenantId);
      const before = await entitlements(transaction, tenant);
      await transaction.raw(
        granted
          ? `insert into tenant.entitlements (tenant_id, entitlement) values (?, ?) on conflict do nothing`
          : `delete from tenant.entitlements where tenant_id = ? and entitlement = ?`,
        [tenant.id, entitlement],
      );
      await record(
        transaction,
        this.call,
        granted ? "entitleTenant" : "disentitleTenant",
        [
          {
            kind: "TENANT",
            subjectType: "Tenant",
            subjectId: tenant.uuid,
            tenantIds: [tenant.uuid],
            before: { entitlements: before },
            after: { entitlements: await entitlements(transaction, tenant) },
          },
        ],
      );
    });
  }

  /** Makes a tenant a member of a community, with a first moderator from among its administrators. */
  async join(join: {
    communityId: string;
    tenantId: string;
    moderatorEmail: string;
    status: "ACTIVE" | "PAUSED";
  }): Promise<{ membershipId: string; moderatorId: string }> {
    return this.db.transaction(async (transaction) => {
      const community = await lockCommunity(transaction, join.communityId);
      const tenant = await lockTenant(transaction, join.tenantId);
      const moderator = await lockAdministrator(
        transaction,
        tenant,
        join.moderatorEmail,
      );
      if (!(await entitlements(transaction, tenant)).includes("COMMUNITIES"))
        throw new StartError(
          `The tenant ${tenant.uuid} is not entitled to COMMUNITIES. Run "npm run tenant -- entitle ${tenant.uuid} COMMUNITIES" first.`,
        );
      const membership = await addMembership(
        transaction,
        community,
        tenant,
        join.status,
      );
      await transaction.raw(
        `insert into community.members (membership_id, tenant_id, identity_id, role) values (?, ?, ?, 'MODERATOR')`,
        [membership.id, tenant.id, moderator.id],
      );
      const communityId = community.uuid;
      await record(transaction, this.call, "joinCommunity", [
        {
          kind: "MEMBERSHIP",
          subjectType: "Membership",
          subjectId: membership.uuid,
          tenantIds: await tenantsOf(transaction, community),
          communityId,
          after: { tenantId: tenant.uuid, status: join.status },
        },
        {
          kind: "ROLE",
          subjectType: "Identity",
          subjectId: moderator.uuid,
          tenantIds: [tenant.uuid],
          communityId,
          after: { role: "MODERATOR" },
        },
      ]);
      return { membershipId: membership.uuid, moderatorId: moderator.uuid };
    });
  }
}

async function lockTenant(
  transaction: Knex.Transaction,
  id: string,
): Promise<Row> {
  return one<Row>(
    transaction,
    `select id, uuid from tenant.tenants where uuid = ? for no key update`,
    [uuid(id)],
    `There is no tenant ${id}. "npm run tenant -- list" shows them.`,
  );
}

async function lockCommunity(
  transaction: Knex.Transaction,
  id: string,
): Promise<Row> {
  return one<Row>(
    transaction,
    `select id, uuid from community.communities where uuid = ? for no key update`,
    [uuid(id)],
    `There is no community ${id}.`,
  );
}

async function lockAdministrator(
  transaction: Knex.Transaction,
  tenant: Row,
  email: string,
): Promise<Row> {
  return one<Row>(
    transaction,
    `select i.id, i.uuid
     from tenant.lock_identities(
       array[?::int],
       array(select i.uuid from tenant.identities i
             join tenant.users u on u.identity_id = i.id
             where u.tenant_id = ? and u.email = ?)) i
     where i.enabled and 'ACCOUNT_ADMINISTRATOR' = any (i.roles)`,
    [tenant.id, tenant.id, email],
    `The tenant ${tenant.uuid} has no user ${email} who is ACCOUNT_ADMINISTRATOR. Name one who is.`,
  );
}

async function addMembership(
  transaction: Knex.Transaction,
  community: Row,
  tenant: Row,
  status: MembershipStatus,
): Promise<Row> {
  const memberships = new MembershipStore(transaction, anonymous);
  try {
    const { id, rowId } = await memberships.add(community.id, tenant.id, {
      alias: null,
      contactEmail: null,
      newTenantsRead: "AT_ONCE",
    });
    await memberships.setStatus({ rowId }, status);
    return { id: rowId, uuid: id };
  } catch (error) {
    if (brokenConstraint(error) === "memberships_once")
      throw new StartError(
        `The tenant ${tenant.uuid} is in that community already.`,
      );
    throw error;
  }
}

async function entitlements(
  transaction: Knex.Transaction,
  tenant: Row,
): Promise<Entitlement[]> {
  const { rows } = await transaction.raw<{
    rows: { entitlement: Entitlement }[];
  }>(
    `select entitlement from tenant.entitlements where tenant_id = ? order by 1`,
    [tenant.id],
  );
  return rows.map(({ entitlement }) => entitlement);
}

async function tenantsOf(
  transaction: Knex.Transaction,
  community: Row,
): Promise<string[]> {
  const { rows } = await transaction.raw<{ rows: Row[] }>(
    `select t.uuid from community.memberships m join tenant.tenants t on t.id = m.tenant_id
     where m.community_id = ? order by t.id`,
    [community.id],
  );
  return rows.map((tenant) => tenant.uuid);
}

async function one<T>(
  transaction: Knex.Transaction,
  sql: string,
  bindings: readonly (string | number | null)[],
  missing: string,
): Promise<T> {
  const { rows } = await transaction.raw<{ rows: T[] }>(sql, [...bindings]);
  const [row] = rows;
  if (row === undefined) throw new StartError(missing);
  return row;
}

const uuid = (id: string) => (isUuid(id) ? id : null);
