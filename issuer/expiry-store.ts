import type { Knex } from "../common/database.ts";

/** Deletes what has expired; nothing reads it any more, it only takes room. */
export async function deleteExpired(db: Knex): Promise<void> {
  for (const table of ["records", "links", "attempts", "spent_points"])
    await db(`issuer.${table}`).where("expires_at", "<", db.fn.now()).delete();
}
