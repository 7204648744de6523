import { prepared, type Knex } from "./database.ts";
import type { Call, Viewer } from "./viewer.ts";

const answers = new WeakMap<Call, Promise<boolean>>();

/**
 * Answers whether the viewer's identity still exists and is enabled; asks the database once a call, whichever of the
 * subgraphs in this process asks first.
 */
export const liveness = (db: Knex, call: Call) => (): Promise<boolean> => {
  const answer = answers.get(call) ?? isLive(db, call.viewer);
  answers.set(call, answer);
  return answer;
};

async function isLive(db: Knex, { identityId }: Viewer): Promise<boolean> {
  const rows = await prepared(
    db,
    db.raw(
      "select from tenant.published_identities where uuid = ? and enabled",
      [identityId],
    ),
  );
  return rows.length > 0;
}
