import type { Knex } from "../common/database.ts";

/** Deletes what has expired; nothing reads it any more, it only takes room. */
export async function deleteExpired(db: Knex): Promise<void> {
  await expireSubjects(db);
  for (const table of [
    ...["records", "links", "attempts", "spent_points"],
    "subject_tenants",
  ])
    await db(`issuer.${table}`).where("expires_at", "<", db.fn.now()).delete();
}

/**
 * A subject that is linked nowhere any more is forgotten after a year, in which hardly anybody comes back and could be led
 * to a stranger; one that is linked again is not.
 */
const expireSubjects = (db: Knex) =>
  db.raw(
    `update issuer.subject_tenants s
     set expires_at = case when s.expires_at is null then now() + interval '1 year' end
     where (s.expires_at is null) <> exists (
       select from issuer.linked_subjects l where l.issuer = s.issuer and l.subject = s.subject)`,
  );
