import { prepared, type Knex } from "../../common/database.ts";
import type { Membership, TenantIdentity } from "../person-store.ts";

/** A user who is, or could be, a subject of an outside issuer. */
export interface OutsideUser extends Membership {
  readonly email: string;
}

/** The subjects of outside issuers, and the users and clients that they are. */
export class SubjectStore {
  constructor(private readonly db: Knex) {}

  /** The live users that a subject is linked with. */
  async linked(issuer: string, subject: string): Promise<OutsideUser[]> {
    return prepared(
      this.db,
      this.db.raw(
        `select i.uuid as identity, t.uuid as "tenantId", t.name as "tenantName", tenant.email_of_user(i.uuid) as email
         from issuer.linked_subjects l
         join tenant.published_identities i on i.uuid = l.identity and i.enabled
         join tenant.published_tenants t on t.id = i.tenant_id
         where l.issuer = ? and l.subject = ?
         order by t.name, t.uuid`,
        [issuer, subject],
      ),
    );
  }

  /** The live users of an e-mail who have no subject, in tenants where this one has no user. */
  async linkable(
    issuer: string,
    subject: string,
    email: string,
  ): Promise<OutsideUser[]> {
    const { rows } = await this.db.raw<{ rows: OutsideUser[] }>(
      `select u.identity_id as identity, u.tenant_id as "tenantId", u.tenant_name as "tenantName", ?::text as email
       from tenant.users_of_email(?) u
       where not exists (
         select from issuer.linked_subjects l
         where l.identity = u.identity_id or (l.issuer = ? and l.subject = ? and l.tenant = u.tenant_id))`,
      [email, email, issuer, subject],
    );
    return rows;
  }

  /** Whether this has linked the two; not so if either was linked, or the user went, meanwhile. */
  async link(
    issuer: string,
    subject: string,
    { identity, tenantId }: TenantIdentity,
  ): Promise<boolean> {
    await this.db.raw(
      `select l.id from tenant.published_identities i, tenant.lock_identities(array[i.tenant_id], array[i.uuid]) l
       where i.uuid = ?`,
      [identity],
    );
    const { rows } = await this.db.raw<{ rows: unknown[] }>(
      `insert into issuer.linked_subjects (identity, tenant, issuer, subject)
       select i.uuid, ?, ?, ? from tenant.published_identities i where i.uuid = ? and i.enabled
       on conflict do nothing
       returning identity`,
      [tenantId, issuer, subject, identity],
    );
    return rows.length > 0;
  }

  /** The live client with this identity. */
  async client(identity: string): Promise<TenantIdentity | undefined> {
    const [client] = await prepared<TenantIdentity>(
      this.db,
      this.db.raw(
        `select i.uuid as identity, t.uuid as "tenantId"
         from tenant.published_identities i
         join tenant.published_tenants t on t.id = i.tenant_id
         where i.uuid = ? and i.enabled and i.kind = 'CLIENT'`,
        [identity],
      ),
    );
    return client;
  }
}
