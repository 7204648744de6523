import { randomUUID } from "node:crypto";
import { StartError } from "../common/config.ts";
import type { Knex } from "../common/database.ts";
import { record } from "../common/ledger-store.ts";
import { sendMail } from "../common/mail-store.ts";
import {
  createOneUseLink,
  passwordMail,
  type OneUseLink,
} from "../common/one-use-link.ts";
import { isUuid } from "../common/page.ts";
import { anonymous, type Call } from "../common/viewer.ts";
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
  /** Null where the installation's apply. */
  readonly readLimits: Readonly<
    Partial<Record<ReadLimit, number | null>>
  > | null;
}

/** A user, and the account of an outside issuer that it is. */
export interface LinkedSubject {
  readonly identity: string;
  readonly tenantName: string;
  readonly email: string;
  readonly issuer: string;
  readonly subject: string;
  readonly since: string;
}

export const readLimits = [
  "rows",
  "points",
  "streams",
  "milliseconds",
] as const;
type ReadLimit = (typeof readLimits)[number];

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
             array(select e.entitlement from tenant.entitlements e where e.tenant_id = t.id order by 1) as entitlements,
             (select to_json(l) from stream.read_limits l where l.tenant_id = t.id) as "readLimits"
      from tenant.tenants t
      left join tenant.identities i on i.tenant_id = t.id
      group by t.id
      order by t.id`);
    return rows;
  }

  /**
   * A tenant and its first user; `link`, which is mailed too, lets that user set a password, and is null if the e-mail
   * has one already, or if people do not sign in here.
   */
  async found(
    tenant: Parameters<typeof foundTenant>[3],
    publicUrl: URL,
    isBuiltInOn = true,
  ): Promise<{ id: string; founderId: string; link: OneUseLink | null }> {
    const link = createOneUseLink(publicUrl);
    return this.db.transaction(async (transaction) => {
      const founded = await foundTenant(
        transaction,
        this.call,
        "foundTenant",
        tenant,
      );
      const { email } = tenant.founder;
      const linked =
        isBuiltInOn &&
        (await new IdentityChangeStore(transaction).addLink(email, link));
      if (linked) await sendMail(transaction, [passwordMail(email, link)]);
      return { ...founded, link: linked ? link : null };
    });
  }

  /** The users who are accounts of outside issuers, of a tenant or of all. */
  async linkedSubjects(tenantId: string | undefined): Promise<LinkedSubject[]> {
    const { rows } = await this.db.raw<{ rows: LinkedSubject[] }>(
      `select l.identity, t.name as "tenantName", u.email, l.issuer, l.subject, l.linked_at as since
       from issuer.linked_subjects l
       join tenant.identities i on i.uuid = l.identity
       join tenant.users u on u.identity_id = i.id
       join tenant.tenants t on t.id = i.tenant_id
       where t.uuid = coalesce(?, t.uuid)
       order by t.id, u.email`,
      [tenantId ?? null],
    );
    return rows;
  }

  /** Takes the account of an outside issuer from a user, and bars it from being linked with that one again. */
  async unlink(identity: string): Promise<void> {
    await this.db.transaction(async (transaction) => {
      const { rows } = await transaction.raw<{
        rows: { tenant: string; issuer: string }[];
      }>(
        `with gone as (
           delete from issuer.linked_subjects where identity = ? returning identity, tenant, issuer, subject),
         barred as (
           insert into issuer.barred_subjects (identity, issuer, subject)
           select identity, issuer, subject from gone)
         select tenant, issuer from gone`,
        [identity],
      );
      const [link] = rows;
      if (!link)
        throw new StartError(
          'This user is not linked. "npm run issuers -- links" lists those who are.',
        );
      await record(transaction, this.call, "unlinkSubject", [
        {
          kind: "IDENTITY",
          subjectType: "User",
          subjectId: identity,
          tenantIds: [link.tenant],
          before: { issuer: link.issuer },
        },
      ]);
    });
  }

  /** Lets the accounts that were taken from a user be linked with it again. */
  async allowSubjects(identity: string): Promise<void> {
    await this.db.transaction(async (transaction) => {
      const { rows } = await transaction.raw<{
        rows: { tenant: string; issuer: string }[];
      }>(
        `with allowed as (
           delete from issuer.barred_subjects where identity = ? returning identity, issuer)
         select t.uuid as tenant, a.issuer
         from allowed a
         join tenant.identities i on i.uuid = a.identity
         join tenant.tenants t on t.id = i.tenant_id`,
        [identity],
      );
      if (rows.length === 0)
        throw new StartError("No account was taken from this user.");
      await record(
        transaction,
        this.call,
        "allowSubject",
        rows.map(({ tenant, issuer }) => ({
          kind: "IDENTITY",
          subjectType: "User",
          subjectId: identity,
          tenantIds: [tenant],
          after: { issuer },
        })),
      );
    });
  }

  /** What one read of the tenant's identities may ask for; null: what the installation allows. */
  async setReadLimit(
    tenantId: string,
    limit: ReadLimit,
    value: number | null,
  ): Promise<void> {
    await this.db.transaction(async (transaction) => {
      const tenant = await lockTenant(transaction, tenantId);
      const limits = async () =>
        (
          await transaction.raw<{ rows: object[] }>(
            `select rows, points, streams, milliseconds from stream.read_limits where tenant_id = ?`,
            [tenant.id],
          )
        ).rows[0] ?? null;
      const before = await limits();
      await transaction.raw(
        `insert into stream.read_limits (tenant_id, ??) values (?, ?)
         on conflict (tenant_id) do update set ?? = excluded.??`,
        [limit, tenant.id, value, limit, limit],
      );
      await record(transaction, this.call, "setReadLimit", [
        {
          kind: "TENANT",
          subjectType: "Tenant",
          subjectId: tenant.uuid,
          tenantIds: [tenant.uuid],
          before: { limits: before },
          after: { limits: await limits() },
        },
      ]);
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
}

async function lockTenant(
  transaction: Knex.Transaction,
  id: string,
): Promise<Row> {
  const { rows } = await transaction.raw<{ rows: Row[] }>(
    `select id, uuid from tenant.tenants where uuid = ? for no key update`,
    [isUuid(id) ? id : null],
  );
  const [tenant] = rows;
  if (tenant === undefined)
    throw new StartError(
      `There is no tenant ${id}. "npm run tenant -- list" shows them.`,
    );
  return tenant;
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
