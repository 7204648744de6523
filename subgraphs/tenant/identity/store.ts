import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
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

/**
 * T2: every identity of a tenant sees the others there; their e-mails are for administrators and for oneself. Binds the
 * ids of the identities that see.
 */
const viewers = `(
  select v.tenant_id as id, v.uuid as key, v.id as viewer_id, exists (
           select from tenant.identity_roles r
           where r.identity_id = v.id and r.role = 'ACCOUNT_ADMINISTRATOR') as is_administrator
  from tenant.identities v where v.uuid = any (?::uuid[]) and v.enabled
) as parent`;

const email = `
  case when i.id = parent.viewer_id or parent.is_administrator then u.email end`;

const columns = `
  case i.kind when 'USER' then 'User' else 'Client' end as "__typename",
  i.uuid as id, i.name, i.enabled, i.created_at as "createdAt", c.client_id as "clientId",
  ${email} as email, parent.key as "seenBy",
  array(select r.role from tenant.identity_roles r where r.identity_id = i.id order by r.role) || 'MEMBER'::text as roles`;

const byName: Order = {
  by: [
    { sql: "lower(i.name)", type: "text" },
    { sql: "i.uuid", type: "uuid" },
  ],
};

/** The identities of one identity's own tenant, and of no other. */
export class IdentityStore {
  private readonly usersOf: NestedList<User, ListArgs, string>;
  private readonly clientsOf: NestedList<Client, ListArgs, string>;

  constructor(
    private readonly db: Knex,
    private readonly identityId: string | null,
  ) {
    const list = (name: string, kind: "USER" | "CLIENT") => ({
      name,
      order: byName,
      parentId: "i.tenant_id",
      parents: (ids: readonly string[]) => new Sql(viewers, [[...ids]]),
      rows: ({ search }: ListArgs) =>
        this.visible()
          .where("i.kind", kind)
          .whereRaw(
            `not exists (select from unnest(?::text[]) word where strpos(
               lower(concat_ws(' ', i.name, ${email}, c.client_id)), word) = 0)`,
            [searchWords(search ?? "", "search")],
          ),
    });
    this.usersOf = new NestedList(db, list("users", "USER"));
    this.clientsOf = new NestedList(db, list("clients", "CLIENT"));
  }

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
    { seenBy }: Tenant,
    args: ListArgs,
  ): Promise<Connection<User> | null> {
    return seenBy === null ? null : this.usersOf.find(seenBy, args);
  }

  /** The clients of a tenant; null of another tenant than one's own. */
  async clients(
    { seenBy }: Tenant,
    args: ListArgs,
  ): Promise<Connection<Client> | null> {
    return seenBy === null ? null : this.clientsOf.find(seenBy, args);
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = (await this.visible()
        .joinRaw(`join ${viewers} on parent.id = i.tenant_id`, [
          this.identityId === null ? [] : [this.identityId],
        ])
        .whereIn("i.uuid", [...new Set(ids)])) as Identity[];
      return inKeyOrder(ids, rows, (identity) => identity.id);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );

  /** As the identity in the row `parent` sees them. */
  private visible(): Knex.QueryBuilder {
    return this.db("tenant.identities as i")
      .select(this.db.raw(columns))
      .leftJoin("tenant.users as u", "u.identity_id", "i.id")
      .leftJoin("tenant.clients as c", "c.identity_id", "i.id");
  }
}
