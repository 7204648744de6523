import DataLoader from "dataloader";
import { brokenConstraint, type Knex } from "../../../common/database.ts";
import { conflict, forbidden, notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";

/** A namespace of the viewer's own tenant. */
export interface Namespace {
  readonly id: string;
  readonly rowId: number;
  readonly name: string;
  readonly description: string | null;
  readonly region: string;
  readonly tenantId: string;
  readonly tenantRowId: number;
  readonly createdAt: string;
  readonly accessListId: number;
  /** What the viewer may do in it, as a sum. */
  readonly rights: number;
}

export interface NewNamespace {
  readonly name: string;
  readonly description: string | null;
  readonly region: string;
}

const columns = {
  id: "n.uuid",
  rowId: "n.id",
  name: "n.name",
  description: "n.description",
  region: "n.region",
  tenantId: "t.uuid",
  tenantRowId: "n.tenant_id",
  createdAt: "n.created_at",
  accessListId: "n.access_list_id",
};

const byName: Order = {
  by: [
    { sql: "n.name", type: "text" },
    { sql: "n.uuid", type: "uuid" },
  ],
};

/** Namespaces as one viewer sees them: all those of its own tenant (T2). */
export class NamespaceStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  async find(id: string): Promise<Namespace | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  /** The namespace, if the viewer may change its access list (S3). */
  async getManaged(id: string, at: string): Promise<Namespace> {
    const namespace = await this.find(id);
    if (namespace === null) throw notFound(at);
    if (!includes(namespace.rights, "MANAGE_ACCESS_CONTROL"))
      throw forbidden(
        "You may not change the access list of this namespace: that takes the right MANAGE_ACCESS_CONTROL on it.",
      );
    return namespace;
  }

  /** Holds an own namespace as it is until the transaction ends. */
  async lock(id: string): Promise<void> {
    await this.db.raw(
      `select from stream.namespaces n
       where n.uuid = any (?::uuid[]) and n.tenant_id = (select c.tenant_id from stream.caller(?) c) for no key update`,
      [[id].filter(isUuid), this.viewer.identityId],
    );
  }

  async setAccess(
    { tenantRowId, rowId }: Namespace,
    accessListId: number,
  ): Promise<void> {
    await this.db("stream.namespaces")
      .where({ tenant_id: tenantRowId, id: rowId })
      .update({ access_list_id: accessListId });
  }

  /** The namespace, if the viewer may create types and streams in it (S1). */
  async getWritable(id: string, at: string): Promise<Namespace> {
    const namespace = await this.find(id);
    if (namespace === null) throw notFound(at);
    if (!includes(namespace.rights, "WRITE"))
      throw forbidden(
        "You may not create anything in this namespace: that takes the right WRITE on it.",
      );
    return namespace;
  }

  findByRow(rowId: number): Promise<Namespace | null> {
    return this.byRowId.load(rowId);
  }

  async list(args: PageArgs): Promise<Connection<Namespace>> {
    const page = new Page(args, ["namespaces"], byName);
    const rows = (await page.select(this.visible())) as (Namespace & {
      position: string[];
    })[];
    return page.connection(rows, async () => {
      const [row] = (await this.db
        .count("* as count")
        .from(this.visible().as("visible"))) as [{ count: number }];
      return row.count;
    });
  }

  async add(
    tenantRowId: number,
    accessListId: number,
    namespace: NewNamespace,
  ): Promise<string> {
    try {
      const { rows } = await this.db.raw<{ rows: [{ id: string }] }>(
        `insert into stream.namespaces (tenant_id, name, description, region, access_list_id) values (?, ?, ?, ?, ?)
         returning uuid as id`,
        [
          tenantRowId,
          namespace.name,
          namespace.description,
          namespace.region,
          accessListId,
        ],
      );
      return rows[0].id;
    } catch (error) {
      if (brokenConstraint(error) === "namespaces_name_unique")
        throw conflict(
          "Your tenant has a namespace of this name. Use it, or choose another name.",
          "input.name",
        );
      throw error;
    }
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = (await this.visible().whereRaw("n.uuid = any (?::uuid[])", [
        [...ids],
      ])) as Namespace[];
      return inKeyOrder(ids, rows, (namespace) => namespace.id);
    },
    // Nothing is remembered: a mutation may change what the request's next field reads.
    { cache: false },
  );

  private readonly byRowId = new DataLoader(
    async (rowIds: readonly number[]) => {
      const rows = (await this.visible().whereRaw("n.id = any (?::int[])", [
        [...rowIds],
      ])) as Namespace[];
      return inKeyOrder(rowIds, rows, (namespace) => namespace.rowId);
    },
    { cache: false },
  );

  private visible(): Knex.QueryBuilder {
    return (
      this.db
        .select(columns)
        // Rule 12: an account administrator can always manage access.
        .select(
          this.db.raw(
            "l.rights | case when 'ACCOUNT_ADMINISTRATOR' = any (c.roles) then 8 else 0 end as rights",
          ),
        )
        .from(this.db.raw("stream.caller(?) c", [this.viewer.identityId]))
        .joinRaw("join stream.namespaces n on n.tenant_id = c.tenant_id")
        .joinRaw("join tenant.published_tenants t on t.id = n.tenant_id")
        .joinRaw(
          "cross join lateral stream.list_rights(c.id, c.roles, n.tenant_id, n.access_list_id) l",
        )
    );
  }
}
