import type { Knex } from "../../../common/database.ts";
import type { Extrapolation } from "../generated.ts";
import type { Namespace } from "../namespace/store.ts";
import type { StreamType } from "../stream-type/store.ts";
import type { Override } from "./overrides.ts";

/** What can be changed of a stream; metadata as JSON text. */
export interface StreamValues {
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly metadata: string | null;
  readonly extrapolation: Extrapolation;
  /** An ISO 8601 duration. */
  readonly retention: string | null;
}

export interface NewStream extends StreamValues {
  readonly externalId: string;
  readonly namespace: Namespace;
  readonly type: StreamType;
  readonly ownerRowId: number;
  readonly accessListId: number;
}

interface StreamKey {
  readonly tenantRowId: number;
  readonly rowId: number;
}

/** What one transaction changes of streams. */
export class StreamChangeStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /** The new stream, or null if the namespace has one of this external id. */
  async add({
    namespace: { tenantRowId, ...namespace },
    ...stream
  }: NewStream): Promise<(StreamKey & { id: string }) | null> {
    const { rows } = await this.transaction.raw<{
      rows: { id: string; rowId: number }[];
    }>(
      `insert into stream.streams (tenant_id, namespace_id, type_id, external_id, name, description, tags, metadata,
                                   extrapolation, retention, owner_id, access_list_id)
       values (?, ?, ?, ?, ?, ?, ?::text[], ?::jsonb, ?, ?, ?, ?)
       on conflict on constraint streams_external_id_unique do nothing
       returning uuid as id, id as "rowId"`,
      [
        tenantRowId,
        namespace.rowId,
        stream.type.rowId,
        stream.externalId,
        stream.name,
        stream.description,
        [...stream.tags],
        stream.metadata,
        stream.extrapolation,
        stream.retention,
        stream.ownerRowId,
        stream.accessListId,
      ],
    );
    const [row] = rows;
    return row ? { ...row, tenantRowId } : null;
  }

  async idOf(
    { tenantRowId, rowId }: Namespace,
    externalId: string,
  ): Promise<string | null> {
    const { rows } = await this.transaction.raw<{ rows: { id: string }[] }>(
      `select uuid as id from stream.streams where tenant_id = ? and namespace_id = ? and external_id = ?`,
      [tenantRowId, rowId, externalId],
    );
    return rows[0]?.id ?? null;
  }

  async update(
    changes: readonly (StreamKey & {
      readonly change: Partial<StreamValues>;
    })[],
  ): Promise<void> {
    await this.transaction.raw(
      `update stream.streams s
         set name = case when jsonb_exists(c.change, 'name') then c.change ->> 'name' else s.name end,
             description = case when jsonb_exists(c.change, 'description') then c.change ->> 'description' else s.description end,
             tags = case when jsonb_exists(c.change, 'tags')
                         then array(select t from jsonb_array_elements_text(c.change -> 'tags') with ordinality t (t, place)
                                    order by t.place) else s.tags end,
             metadata = case when jsonb_exists(c.change, 'metadata') then (c.change ->> 'metadata')::jsonb else s.metadata end,
             extrapolation = coalesce(c.change ->> 'extrapolation', s.extrapolation),
             retention = case when jsonb_exists(c.change, 'retention') then (c.change ->> 'retention')::interval
                              else s.retention end,
             updated_at = clock_timestamp()
       from unnest(?::int[], ?::int[], ?::jsonb[]) c (tenant_id, id, change)
       where s.tenant_id = c.tenant_id and s.id = c.id`,
      [...keysOf(changes), changes.map(({ change }) => JSON.stringify(change))],
    );
    // By which communities list them.
    const renamed = changes.filter(({ change }) => change.name !== undefined);
    if (renamed.length > 0)
      await this.transaction.raw(
        `update stream.shares h set stream_name = c.name
         from unnest(?::int[], ?::int[], ?::text[]) c (tenant_id, id, name)
         where h.tenant_id = c.tenant_id and h.stream_id = c.id`,
        [
          ...keysOf(renamed),
          renamed.map(({ change }) => change.name as string),
        ],
      );
  }

  async replaceOverrides(
    streams: readonly (StreamKey & {
      readonly overrides: readonly Override[];
    })[],
  ): Promise<void> {
    await this.transaction.raw(
      `delete from stream.property_overrides
       where (tenant_id, stream_id) in (select * from unnest(?::int[], ?::int[]))`,
      keysOf(streams),
    );
    const rows = streams.flatMap(({ tenantRowId, rowId, overrides }) =>
      overrides.map((override) => ({
        tenant_id: tenantRowId,
        stream_id: rowId,
        ...override,
      })),
    );
    if (rows.length > 0)
      await this.transaction("stream.property_overrides").insert(rows);
  }
}

const keysOf = (streams: readonly StreamKey[]): [number[], number[]] => [
  streams.map(({ tenantRowId }) => tenantRowId),
  streams.map(({ rowId }) => rowId),
];
