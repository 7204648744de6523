import type { Knex } from "knex";

/** A row as tests need it: the integer inside, the uuid outside. */
export interface Row {
  readonly id: number;
  readonly uuid: string;
}

export type TenantRole =
  "ACCOUNT_ADMINISTRATOR" | "DATA_STEWARD" | "CONTRIBUTOR" | "VIEWER";
export type CommunityRole = "MEMBER" | "MODERATOR" | "ADMINISTRATOR";
export type Identity = Row & { readonly tenantId: number };
export type Membership = Row & { readonly tenantId: number };
export type Stream = Row & { readonly tenantId: number };

export interface Property {
  readonly name: string;
  readonly kind: "FLOAT" | "INTEGER" | "BOOLEAN" | "TEXT" | "TIMESTAMP";
}

/** Puts a world straight into the tables, as the owner role; what is under test then goes through the graph. */
export class Seed {
  private count = 0;

  constructor(private readonly db: Knex) {}

  async tenant(
    name = this.next("tenant"),
    { entitled = true } = {},
  ): Promise<Row> {
    const tenant = await this.insert<Row>("tenant.tenants", { name });
    if (entitled)
      await this.db("tenant.entitlements").insert({
        tenant_id: tenant.id,
        entitlement: "COMMUNITIES",
      });
    return tenant;
  }

  async user(
    tenant: Row,
    roles: readonly TenantRole[] = [],
    email = `${this.next("user").replace(" ", "-")}@example.com`,
  ): Promise<Identity> {
    const identity = await this.identity(tenant, "USER", roles);
    await this.db("tenant.users").insert({
      tenant_id: tenant.id,
      identity_id: identity.id,
      email,
    });
    return identity;
  }

  async client(
    tenant: Row,
    roles: readonly TenantRole[] = [],
  ): Promise<Identity> {
    const identity = await this.identity(tenant, "CLIENT", roles);
    await this.db("tenant.clients").insert({
      tenant_id: tenant.id,
      identity_id: identity.id,
      client_id: identity.uuid,
    });
    return identity;
  }

  /** With its owner's membership. */
  async community(
    owner: Row,
    name = this.next("community"),
  ): Promise<Row & { ownerMembership: Membership }> {
    const community = await this.insert<Row>("community.communities", {
      name,
      owner_tenant_id: owner.id,
    });
    return {
      ...community,
      ownerMembership: await this.membership(community, owner),
    };
  }

  async membership(
    community: Row,
    tenant: Row,
    status: "ACTIVE" | "PAUSED" = "ACTIVE",
  ): Promise<Membership> {
    const membership = await this.insert<Row>("community.memberships", {
      community_id: community.id,
      tenant_id: tenant.id,
      status,
    });
    return { ...membership, tenantId: tenant.id };
  }

  /** Rule 17: what the first shares is not open to the second. */
  async waiting(
    sharing: Membership,
    newcomer: Membership,
    state: "WAITING" | "REFUSED" = "WAITING",
  ): Promise<void> {
    await this.db("community.waiting_tenants").insert({
      sharing_id: sharing.id,
      waiting_id: newcomer.id,
      state,
    });
  }

  /** C15: accepted by this identity, if one is given, and due after so many hours. */
  async offer(
    community: Row,
    to: Membership,
    { by, accepted }: { by: Row; accepted?: { by: Row; dueIn: number } },
  ): Promise<void> {
    await this.db("community.ownership_offers").insert({
      community_id: community.id,
      membership_id: to.id,
      offered_by: by.uuid,
      ...(accepted && {
        accepted_by: accepted.by.uuid,
        accepted_at: this.db.fn.now(),
        effective_at: this.db.raw("now() + make_interval(hours => ?)", [
          accepted.dueIn,
        ]),
      }),
    });
  }

  async member(
    membership: Membership,
    identity: Identity,
    role: CommunityRole = "MEMBER",
  ): Promise<void> {
    await this.db("community.members").insert({
      membership_id: membership.id,
      tenant_id: membership.tenantId,
      identity_id: identity.id,
      role,
    });
  }

  /** By default a single FLOAT in a namespace of its own, with the default access list. */
  async stream(
    tenant: Row,
    {
      owner,
      access = defaultAccess,
      name = this.next("stream"),
      properties = [{ name: "value", kind: "FLOAT" }],
    }: {
      owner?: Identity;
      access?: readonly AccessEntry[];
      name?: string;
      properties?: readonly Property[];
    } = {},
  ): Promise<Stream> {
    const tenant_id = tenant.id;
    const access_list_id = await this.accessList(tenant, access);
    const namespace = await this.insert<Row>("stream.namespaces", {
      tenant_id,
      name: this.next("namespace"),
      region: "eu",
      access_list_id,
    });
    const type = await this.insert<Row>("stream.stream_types", {
      tenant_id,
      namespace_id: namespace.id,
      name: this.next("type"),
    });
    await this.db("stream.properties").insert(
      properties.map(({ name, kind }, position) => ({
        tenant_id,
        type_id: type.id,
        position,
        name,
        kind,
        interpolation: "CONTINUOUS",
      })),
    );
    const stream = await this.insert<Row>("stream.streams", {
      tenant_id,
      namespace_id: namespace.id,
      type_id: type.id,
      external_id: name,
      name,
      access_list_id,
      owner_id: owner?.id ?? null,
    });
    return { ...stream, tenantId: tenant.id };
  }

  async accessList(
    tenant: Row,
    entries: readonly AccessEntry[],
  ): Promise<number> {
    const list = await this.insert<Row>(
      "stream.access_lists",
      { tenant_id: tenant.id, content_hash: Buffer.from(this.next("list")) },
      ["id"],
    );
    if (entries.length > 0)
      await this.db("stream.access_entries").insert(
        entries.map(
          ({ effect = "ALLOW", rights, role, identity }, position) => ({
            tenant_id: tenant.id,
            list_id: list.id,
            position,
            effect,
            rights,
            role: role ?? null,
            identity_id: identity?.id ?? null,
          }),
        ),
      );
    return list.id;
  }

  async share(stream: Stream, membership: Membership): Promise<Row> {
    const { rows } = await this.db.raw<{ rows: [Row] }>(
      `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
       select s.tenant_id, s.id, m.id, '00000000-0000-4000-8000-000000000000', m.community_id, s.uuid, s.name
       from stream.streams s, community.published_memberships m where s.id = ? and m.id = ?
       returning id, uuid`,
      [stream.id, membership.id],
    );
    return rows[0];
  }

  /** One event a minute from 2026-01-01T00:00:00Z, its number g as its value; `texts` is SQL. */
  async events(stream: Stream, count: number, texts = "null"): Promise<void> {
    const key = [stream.tenantId, stream.id];
    await this.db.raw(
      `insert into stream.events (tenant_id, stream_id, ts, value, texts)
       select ?, ?, timestamptz '2026-01-01T00:00:00Z' + make_interval(mins => g), g, ${texts}
       from generate_series(0, ? - 1) g`,
      [...key, count],
    );
    await this.db.raw(
      `insert into stream.latest (tenant_id, stream_id, first_ts, ts, value)
       select tenant_id, stream_id, min(ts), max(ts), max(value) from stream.events
       where tenant_id = ? and stream_id = ? group by 1, 2`,
      key,
    );
  }

  private async identity(
    tenant: Row,
    kind: "USER" | "CLIENT",
    roles: readonly TenantRole[],
  ): Promise<Identity> {
    const identity = await this.insert<Row>("tenant.identities", {
      tenant_id: tenant.id,
      kind,
      name: this.next(kind.toLowerCase()),
    });
    if (roles.length > 0)
      await this.db("tenant.identity_roles").insert(
        roles.map((role) => ({
          tenant_id: tenant.id,
          identity_id: identity.id,
          role,
        })),
      );
    return { ...identity, tenantId: tenant.id };
  }

  private async insert<T>(
    table: string,
    row: object,
    returning = ["id", "uuid"],
  ): Promise<T> {
    const [inserted] = (await this.db(table)
      .insert(row)
      .returning(returning)) as T[];
    if (inserted === undefined)
      throw new Error(`Nothing inserted into ${table}.`);
    return inserted;
  }

  private next(what: string): string {
    this.count += 1;
    return `${what} ${this.count}`;
  }
}

/** One entry of an access list; `rights` as in the tables: READ 1, WRITE 2, DELETE 4, MANAGE_ACCESS_CONTROL 8, SHARE 16. */
export interface AccessEntry {
  effect?: "ALLOW" | "DENY";
  rights: number;
  role?: TenantRole | "MEMBER";
  identity?: Identity;
}

export const defaultAccess: readonly AccessEntry[] = [
  { rights: 1 + 2 + 4 + 8, role: "ACCOUNT_ADMINISTRATOR" },
  { rights: 1 + 16, role: "DATA_STEWARD" },
  { rights: 1 + 2 + 4, role: "CONTRIBUTOR" },
  { rights: 1, role: "VIEWER" },
];
