import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { groupInKeyOrder, inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { searchWords } from "../../../common/text.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Interpolation, ValueKind } from "../generated.ts";
import type { Namespace } from "../namespace/store.ts";

/** The shape of a stream's events. */
export interface StreamType {
  readonly id: string;
  readonly rowId: number;
  readonly name: string;
  readonly description: string | null;
  readonly tenantRowId: number;
  readonly namespaceRowId: number;
  /** A stream of it that the viewer sees; null for an own type, which is seen without. */
  readonly streamId: string | null;
  readonly createdAt: string;
}

/** By what its properties are found. */
export type TypeKey = Pick<StreamType, "rowId" | "tenantRowId" | "streamId">;

export interface Property {
  readonly name: string;
  readonly description: string | null;
  readonly kind: ValueKind;
  readonly uom: string | null;
  readonly interpolation: Interpolation;
  /** Of an ENUM, else null. */
  readonly states: readonly string[] | null;
}

export interface NewStreamType {
  readonly name: string;
  readonly description: string | null;
  readonly properties: readonly Property[];
}

export interface StreamTypeListArgs extends PageArgs {
  search?: string | null;
}

const columns = {
  id: "y.uuid",
  rowId: "y.id",
  tenantRowId: "y.tenant_id",
  namespaceRowId: "y.namespace_id",
  name: "y.name",
  description: "y.description",
  createdAt: "y.created_at",
  streamId: "v.uuid",
};

const byName: Order = {
  by: [
    { sql: "y.name", type: "text" },
    { sql: "y.uuid", type: "uuid" },
  ],
};

/** Stream types as one viewer sees them: its own tenant's (T2), and those of streams that are shared with it (S6). */
export class StreamTypeStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.byNamespace = new NestedList(db, {
      name: "streamTypes",
      order: byName,
      parentId: "y.namespace_id",
      rows: ({ search }) => this.matching(searchWords(search ?? "", "search")),
    });
  }

  async find(id: string): Promise<StreamType | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  ofNamespace(
    { rowId }: Namespace,
    args: StreamTypeListArgs,
  ): Promise<Connection<StreamType>> {
    return this.byNamespace.page(rowId, args);
  }

  /** In their order. A type never changes: within a request its properties are remembered. */
  properties(type: TypeKey): Promise<Property[]> {
    return this.propertiesByType.load(type);
  }

  async findNamed(
    { tenantRowId, rowId }: Namespace,
    name: string,
  ): Promise<StreamType | null> {
    const [type] = (await this.own().where({
      "y.tenant_id": tenantRowId,
      "y.namespace_id": rowId,
      "y.name": name,
    })) as StreamType[];
    return type ?? null;
  }

  /** The new type's id, or null if the namespace has one of this name. */
  async add(
    { tenantRowId, rowId }: Namespace,
    { name, description, properties }: NewStreamType,
  ): Promise<string | null> {
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `with type as (
         insert into stream.stream_types (tenant_id, namespace_id, name, description) values (?, ?, ?, ?)
         on conflict on constraint stream_types_name_unique do nothing
         returning tenant_id, id, uuid
       ), properties as (
         insert into stream.properties (tenant_id, type_id, position, name, description, kind, uom, interpolation, states)
         select type.tenant_id, type.id, p.position - 1, p.name, p.description, p.kind, p.uom, p.interpolation,
                case when p.kind = 'ENUM' then array(select jsonb_array_elements_text(p.states::jsonb)) end
         from type, unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[])
           with ordinality as p (name, description, kind, uom, interpolation, states, position)
       )
       select uuid as id from type`,
      [
        tenantRowId,
        rowId,
        name,
        description,
        properties.map((property) => property.name),
        properties.map((property) => property.description),
        properties.map((property) => property.kind),
        properties.map((property) => property.uom),
        properties.map((property) => property.interpolation),
        // Lists of different lengths are no array of PostgreSQL's.
        properties.map((property) => JSON.stringify(property.states)),
      ] as Knex.RawBinding[],
    );
    return rows[0]?.id ?? null;
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<StreamType>(
        this.db,
        this.visible().whereRaw("y.uuid = any (?::uuid[])", [[...ids]]),
      );
      return inKeyOrder(ids, rows, (type) => type.id);
    },
    // Nothing is remembered: a mutation may change what the request's next field reads.
    { cache: false },
  );

  private readonly byNamespace: NestedList<StreamType, StreamTypeListArgs>;

  private readonly propertiesByType = new DataLoader<
    TypeKey,
    Property[],
    number
  >(
    async (types: readonly TypeKey[]) => {
      const { identityId } = this.viewer;
      const rows = await prepared<Property & { typeRowId: number }>(
        this.db,
        this.db.raw(
          // The streams' ids are bound, for with a select among its arguments the gate would be planned anew each time.
          `with shown as materialized (
             select v.tenant_id, v.type_id from stream.visible(?, ?::uuid[]) v
           )
           select p.type_id as "typeRowId", p.name, p.description, p.kind, p.uom, p.interpolation, p.states
           from unnest(?::int[], ?::int[]) as y (tenant_id, id)
           join stream.properties p on p.tenant_id = y.tenant_id and p.type_id = y.id
           where exists (select from stream.caller(?) c where c.tenant_id = y.tenant_id)
              or (y.tenant_id, y.id) in (select s.tenant_id, s.type_id from shown s)
           order by p.position`,
          [
            identityId,
            types.flatMap(({ streamId }) => streamId ?? []),
            types.map(({ tenantRowId }) => tenantRowId),
            types.map(({ rowId }) => rowId),
            identityId,
          ] as Knex.RawBinding[],
        ),
      );
      return groupInKeyOrder(
        types.map(({ rowId }) => rowId),
        rows,
        (row) => row.typeRowId,
      ).map((properties) => (properties.length > 0 ? properties : notFound()));
    },
    { cacheKeyFn: ({ rowId }: TypeKey) => rowId },
  );

  private visible(): Knex.QueryBuilder {
    return this.db
      .select(columns)
      .from(this.db.raw("stream.caller(?) c", [this.viewer.identityId]))
      .joinRaw(
        `cross join stream.stream_types y
         left join lateral (
           select v.id, v.uuid from stream.all_visible(?) v
           where v.tenant_id = y.tenant_id and v.type_id = y.id and y.tenant_id <> c.tenant_id limit 1
         ) v on true`,
        [this.viewer.identityId],
      )
      .whereRaw("(y.tenant_id = c.tenant_id or v.id is not null)");
  }

  private own(): Knex.QueryBuilder {
    return this.visible().whereRaw("y.tenant_id = c.tenant_id");
  }

  private matching(words: readonly string[]): Knex.QueryBuilder {
    const query = this.own();
    for (const word of words)
      void query.whereRaw(
        "strpos(lower(concat_ws(E'\\n', y.name, y.description)), ?) > 0",
        [word],
      );
    return query;
  }
}
