import type { Knex } from "knex";
import type { Viewer } from "./viewer.ts";

/** Answers whether the viewer's identity still exists and is enabled; asks the database once. */
export function liveness(db: Knex, viewer: Viewer): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  return () => (answer ??= isLive(db, viewer));
}

async function isLive(db: Knex, { identityId }: Viewer): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(
    "select from tenant.published_identities where uuid = ? and enabled",
    [identityId],
  );
  return rows.length > 0;
}
