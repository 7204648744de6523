import type { Knex } from "../common/database.ts";

export interface Person {
  readonly uuid: string;
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string;
}

/** A user or a client, and the tenant that it belongs to for good. */
export interface TenantIdentity {
  readonly identity: string;
  readonly tenantId: string;
}

/** A user of a tenant that a person can sign in as. */
export interface Membership extends TenantIdentity {
  readonly tenantName: string;
}

/** Whom a sign-in stands for: an identity of the person, or the person itself where `identity` is null. */
export type Account = {
  readonly person: string;
  readonly email: string;
  readonly name: string;
} & (TenantIdentity | { readonly identity: null; readonly tenantId: null });

const columns = {
  uuid: "p.uuid",
  email: "p.email",
  name: "p.name",
  passwordHash: "p.password_hash",
};

/** People who have verified their e-mail, and the identities that they have. */
export class PersonStore {
  constructor(private readonly db: Knex) {}

  async findByEmail(email: string): Promise<Person | undefined> {
    return this.db("issuer.persons as p")
      .where({ "p.email": email })
      .first<Person | undefined>(columns);
  }

  /** Whose password nobody else changes until the transaction ends. */
  async lockByEmail(email: string): Promise<Person | undefined> {
    return this.db("issuer.persons as p")
      .where({ "p.email": email })
      .forUpdate()
      .first<Person | undefined>(columns);
  }

  /** In every tenant that has a live user of this e-mail. */
  async memberships(email: string): Promise<Membership[]> {
    const { rows } = await this.db.raw<{ rows: Membership[] }>(
      `select u.identity_id as identity, u.tenant_id as "tenantId", u.tenant_name as "tenantName"
       from tenant.users_of_email(?) u`,
      [email],
    );
    return rows;
  }

  /**
   * What a session of a person stands for under a grant; nothing if the grant's identity is not live any more, or if the
   * password was set after this sign-in. (Setting it deletes the sessions; a request that was on its way may have
   * written its session back.)
   */
  account(
    person: string,
    grantId: string | undefined,
    signedInAtSeconds?: number,
  ): Promise<Account | undefined> {
    return this.findAccount(person, grantId, signedInAtSeconds, false);
  }

  /** The same of a code or token, which is good for nothing without its grant. */
  accountUnder(
    grantId: string | undefined,
    person: string,
    signedInAtSeconds?: number,
  ): Promise<Account | undefined> {
    return this.findAccount(person, grantId, signedInAtSeconds, true);
  }

  private async findAccount(
    person: string,
    grantId: string | undefined,
    signedInAtSeconds: number | undefined,
    needsGrant: boolean,
  ): Promise<Account | undefined> {
    const { rows } = await this.db.raw<{ rows: Account[] }>(
      `select p.uuid as person, p.email, coalesce(u.name, p.name) as name, g.identity, u.tenant_id as "tenantId"
       from issuer.persons p
       left join issuer.records g on g.model = 'Grant' and g.id = ?
       left join lateral tenant.users_of_email(p.email) u on u.identity_id = g.identity
       where p.uuid = ?
         and (g.id is not null or not ?)
         and (g.identity is null or u.identity_id is not null)
         and coalesce(to_timestamp(?) >= date_trunc('second', p.password_set_at), true)`,
      [grantId ?? null, person, needsGrant, signedInAtSeconds ?? null],
    );
    return rows[0];
  }

  async setGrantIdentity(grantId: string, identity: string | null) {
    await this.db("issuer.records")
      .where({ model: "Grant", id: grantId })
      .update({ identity });
  }

  /** Undefined if the grant has ended. */
  async grantIdentity(grantId: string): Promise<string | null | undefined> {
    const grant = await this.db("issuer.records")
      .where({ model: "Grant", id: grantId, consumed_at: null })
      .first<{ identity: string | null } | undefined>("identity");
    return grant?.identity;
  }

  /** Sets the password of the person with this e-mail, who begins to exist if need be, and ends every session. */
  async setPassword(
    email: string,
    name: string,
    passwordHash: string,
  ): Promise<{ uuid: string; isNew: boolean }> {
    const { rows } = await this.db.raw<{
      rows: [{ uuid: string; isNew: boolean }];
    }>(
      `insert into issuer.persons as p (email, name, password_hash) values (?, ?, ?)
       on conflict (email) do update
         set password_hash = excluded.password_hash, password_set_at = clock_timestamp()
       returning p.uuid, p.xmax = 0 as "isNew"`,
      [email, name, passwordHash],
    );
    await this.db("issuer.records").where({ account: rows[0].uuid }).delete();
    return rows[0];
  }
}
