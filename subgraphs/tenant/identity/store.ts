import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import {
  isUuid,
  Page,
  type Connection,
  type PageArgs,
} from "../../../common/page.ts";
import { searchWords } from "../../../common/text.ts";
import type { TenantRole } from "../generated.ts";
import type { Tenant } from "../tenant/store.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly TenantRole[];
  readonly createdAt: string;
  /** The identity of the same tenant that sees it. */
  readonly seenBy: string;
}

export interface User extends Row {
  readonly __typename: "User";
  readonly email: string | null;
}

export interface Client extends Row {
  readonly __typename: "Client";
  readonly clientId: string;
  readonly enabled: boolean;
}

export type Identity = User | Client;

export interface ListArgs extends PageArgs {
  search?: string | null;
}

/** T2: every identity of the tenant sees the others; their e-mails are for administrators and for oneself. */
const identities = `
  select case i.kind when 'USER' then 'User' else 'Client' end as "__typename",
         i.id as key, i.uuid as id, i.name, i.enabled, i.created_at as "createdAt", c.client_id as "clientId",
         case when i.id = viewer.id or viewer.is_administrator then u.email end as email, viewer.uuid as "seenBy"
  from (select v.id, v.uuid, v.tenant_id, exists (
          select from tenant.identity_roles r where r.identity_id = v.id and r.role = 'ACCOUNT_ADMINISTRATOR'
        ) as is_administrator
        from tenant.identities v where v.uuid = ? and v.enabled) viewer
  join tenant.identities i on i.tenant_id = viewer.tenant_id
  left join tenant.users u on u.identity_id = i.id
  left join tenant.clients c on c.identity_id = i.id`;

const columns = [
  "__typename",
  "id",
  "name",
  "enabled",
  "createdAt",
  "clientId",
  "email",
  "seenBy",
];

const roles = `
  array(select r.role from tenant.identity_roles r where r.identity_id = i.key order by r.role) || 'MEMBER'::text as roles`;

const byName = {
  by: [
    { sql: "lower(i.name)", type: "text" },
    { sql: "i.id", type: "uuid" },
  ],
} as const;

/** The identities of one identity's own tenant, and of no other. */
export class IdentityStore {
  constructor(
    private readonly db: Knex,
    private readonly identityId: string | null,
  ) {}

  async find(id: string): Promise<Identity | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  async findUser(id: string): Promise<User | null> {
    const identity = await this.find(id);
    return identity?.__typename === "User" ? identity : null;
  }

  async findClient(id: string): Promise<Client | null> {
    const identity = await this.find(id);
    return identity?.__typename === "Client" ? identity : null;
  }

  async isAdministrator(): Promise<boolean> {
    const { rows } = await this.db.raw<{ rows: unknown[] }>(
      `select from tenant.identities i
       join tenant.identity_roles r on r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR'
       where i.uuid = ? and i.enabled`,
      [this.identityId],
    );
    return rows.length > 0;
  }

  /** The users of a tenant; null of another tenant than one's own. */
  async users(
    tenant: Tenant,
    args: ListArgs,
  ): Promise<Connection<User> | null> {
    return this.page<User>("User", tenant, args);
  }

  /** The clients of a tenant; null of another tenant than one's own. */
  async clients(
    tenant: Tenant,
    args: ListArgs,
  ): Promise<Connection<Client> | null> {
    return this.page<Client>("Client", tenant, args);
  }

  private async page<T extends Identity>(
    type: T["__typename"],
    { id, seenBy }: Tenant,
    { search, ...args }: ListArgs,
  ): Promise<Connection<T> | null> {
    if (seenBy === null) return null;
    const words = searchWords(search ?? "", "search");
    const page = new Page(args, [type, id, words], byName);
    const matching = () =>
      this.seenBy(seenBy)
        .where("i.__typename", type)
        .whereRaw(
          `not exists (select from unnest(?::text[]) word where strpos(
             lower(concat_ws(' ', i.name, i.email, i."clientId")), lower(word)) = 0)`,
          [words],
        );
    const rows = (await page.select(this.withColumns(matching()))) as (T & {
      position: string[];
    })[];
    return page.connection(rows, async () => {
      const [row] = (await matching().count("* as count")) as [
        { count: number },
      ];
      return row.count;
    });
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = (await this.withColumns(
        this.seenBy(this.identityId),
      ).whereIn("i.id", [...new Set(ids)])) as Identity[];
      return inKeyOrder(ids, rows, (identity) => identity.id);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );

  private seenBy(identityId: string | null): Knex.QueryBuilder {
    return this.db
      .queryBuilder()
      .from(this.db.raw(`(${identities}) as i`, [identityId]));
  }

  private withColumns(query: Knex.QueryBuilder): Knex.QueryBuilder {
    return query.select(
      ...columns.map((column) => `i.${column}`),
      this.db.raw(roles),
    );
  }
}
