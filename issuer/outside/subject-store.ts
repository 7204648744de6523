import { prepared, type Knex } from "../../common/database.ts";
import type { Membership, TenantIdentity } from "../person-store.ts";

/** A user who is, or could be, a subject of an outside issuer. */
export interface OutsideUser extends Membership {
  readonly email: string;
}

/** One whom a subject can be linked with; elsewhere than where it was at home before only if it asks for that. */
export interface LinkableUser extends OutsideUser {
  readonly isElsewhere: boolean;
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

  /** The live users of an e-mail who have no subject and whom this one is not barred from, in tenants where it has no user. */
  async linkable(
    issuer: string,
    subject: string,
    email: string,
  ): Promise<LinkableUser[]> {
    const { rows } = await this.db.raw<{ rows: LinkableUser[] }>(
      `select u.identity_id as identity, u.tenant_id as "tenantId", u.tenant_name as "tenantName", ?::text as email,
              coalesce(u.tenant_id <> all (home.tenants), false) as "isElsewhere"
       from tenant.users_of_email(?) u
       cross join (
         select array_agg(s.tenant) as tenants from issuer.subject_tenants s where s.issuer = ? and s.subject = ?) home
       where not exists (
         select from issuer.linked_subjects l
         where l.identity = u.identity_id or (l.issuer = ? and l.subject = ? and l.tenant = u.tenant_id))
       and ${isNotBarred("u.identity_id")}`,
      [email, email, issuer, subject, issuer, subject, issuer, subject],
    );
    return rows;
  }

  /** Whether this has linked the two; not so if either was linked or barred, or the user went, meanwhile. */
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
      `with linked as (
         insert into issuer.linked_subjects (identity, tenant, issuer, subject)
         select i.uuid, ?, ?, ? from tenant.published_identities i
         where i.uuid = ? and i.enabled and ${isNotBarred("i.uuid")}
         on conflict do nothing
         returning identity, tenant, issuer, subject),
       at_home as (
         insert into issuer.subject_tenants (issuer, subject, tenant)
         select issuer, subject, tenant from linked
         on conflict (issuer, subject, tenant) do update set expires_at = null)
       select identity from linked`,
      [tenantId, issuer, subject, identity, issuer, subject],
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

/** Binds an issuer and a subject. */
const isNotBarred = (identity: string) => `
  not exists (
    select from issuer.barred_subjects b
    where b.identity = ${identity} and b.issuer = ? and b.subject = ?)`;
