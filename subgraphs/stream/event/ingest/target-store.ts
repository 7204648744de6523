import type { Knex } from "../../../../common/database.ts";
import type { Viewer } from "../../../../common/viewer.ts";

/** An own stream, by its name in the source system. */
export interface OwnStream {
  readonly id: string;
  readonly externalId: string;
}

/** Own streams and namespaces by their names, as the writing identity sees them. */
export class TargetStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  async namespaceId(name: string): Promise<string | null> {
    if (!isName(name)) return null;
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `select n.uuid as id from stream.caller(?) c join stream.namespaces n on n.tenant_id = c.tenant_id where n.name = ?`,
      [this.viewer.identityId, name],
    );
    return rows[0]?.id ?? null;
  }

  /** In this namespace, or in all. */
  async streams(
    externalIds: readonly string[],
    namespaceId: string | null,
  ): Promise<OwnStream[]> {
    const { rows } = await this.db.raw<{ rows: OwnStream[] }>(
      `select o.uuid as id, s.external_id as "externalId"
       from stream.own(?) o
       join stream.streams s on s.tenant_id = o.tenant_id and s.id = o.id
       join stream.namespaces n on n.tenant_id = s.tenant_id and n.id = s.namespace_id
       where s.external_id = any (?::text[]) and n.uuid = coalesce(?, n.uuid)`,
      [this.viewer.identityId, externalIds.filter(isName), namespaceId],
    );
    return rows;
  }
}

/** PostgreSQL takes no text with a NUL, so nothing is called by one. */
const isName = (name: string) => !name.includes("\0");
