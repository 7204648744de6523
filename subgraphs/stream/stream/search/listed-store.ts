import { rawOf, type Knex } from "../../../../common/database.ts";
import { notFound } from "../../../../common/errors.ts";
import { inKeyOrder } from "../../../../common/loaders.ts";
import { isUuid, type PageArgs } from "../../../../common/page.ts";
import { join, sql, type Sql } from "../../../../common/sql.ts";
import type { Viewer } from "../../../../common/viewer.ts";
import type { StreamOrder, StreamSource } from "../../generated.ts";
import { NamespaceStore } from "../../namespace/store.ts";
import {
  communitiesOf,
  conditionOf,
  type Selection,
} from "./selection-store.ts";
import { parseSearch, type Expression } from "./syntax.ts";

export interface StreamListArgs extends PageArgs, Selection {
  from: StreamSource;
  communityIds?: readonly string[] | null;
  namespaceId?: string | null;
  orderBy?: StreamOrder | null;
}

/** What a list is of, the ids in its arguments looked up. */
export interface Listed {
  readonly args: StreamListArgs;
  readonly expression: Expression | null;
  readonly condition: Sql;
  /** Null stands for all in which the viewer takes part. */
  readonly communities: readonly number[] | null;
}

/** NOT_FOUND for the first id that is not there for the viewer. */
export async function listedOf(
  db: Knex,
  viewer: Viewer,
  args: StreamListArgs,
): Promise<Listed> {
  const { from } = args;
  const expression = parseSearch(args.search ?? "");
  const communities = await communityRowIds(db, viewer, args.communityIds);
  const namespace = await namespaceRowId(db, viewer, args.namespaceId);
  const condition = join(
    [
      conditionOf(args, expression),
      sql`(${from === "ALL"} or g.is_own = ${from === "OWN"})`,
      sql`(${namespace === null} or g.is_own and s.namespace_id = ${namespace}::int)`,
    ],
    " and ",
  );
  return { args, expression, condition, communities };
}

async function communityRowIds(
  db: Knex,
  viewer: Viewer,
  ids: readonly string[] | null | undefined,
): Promise<number[] | null> {
  if (ids == null) return null;
  const rows = (await db
    .select("parent.id", "parent.key")
    .from(rawOf(db, communitiesOf(viewer.identityId, ids.filter(isUuid))))) as {
    id: number;
    key: string;
  }[];
  return inKeyOrder(ids, rows, (row) => row.key).map((row, i) => {
    if (row === null) throw notFound(`communityIds.${i}`);
    return row.id;
  });
}

async function namespaceRowId(
  db: Knex,
  viewer: Viewer,
  id: string | null | undefined,
): Promise<number | null> {
  if (id == null) return null;
  const namespace = await new NamespaceStore(db, viewer).find(id);
  if (namespace === null) throw notFound("namespaceId");
  return namespace.rowId;
}
