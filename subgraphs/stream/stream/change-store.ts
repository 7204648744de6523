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
    { tenantRowId, rowId }: StreamKey,
    change: Partial<StreamValues>,
  ): Promise<void> {
    await this.transaction("stream.streams")
      .where({ tenant_id: tenantRowId, id: rowId })
      .update({
        ...change,
        updated_at: this.transaction.raw("clock_timestamp()"),
      });
    // By which communities list it.
    if (change.name !== undefined)
      await this.transaction("stream.shares")
        .where({ tenant_id: tenantRowId, stream_id: rowId })
        .update({ stream_name: change.name });
  }

  async replaceOverrides(
    { tenantRowId, rowId }: StreamKey,
    overrides: readonly Override[],
  ): Promise<void> {
    await this.transaction("stream.property_overrides")
      .where({ tenant_id: tenantRowId, stream_id: rowId })
      .delete();
    if (overrides.length > 0)
      await this.transaction("stream.property_overrides").insert(
        overrides.map((override) => ({
          tenant_id: tenantRowId,
          stream_id: rowId,
          ...override,
        })),
      );
  }
}
