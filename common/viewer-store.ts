import { setImmediate } from "node:timers/promises";
import { prepared, type Knex } from "./database.ts";
import { sql } from "./sql.ts";
import type { Call, Viewer } from "./viewer.ts";

const answers = new WeakMap<Call, Promise<boolean>>();
/** Whoever asks before a question is sent finds its answer fresh. */
const unsent = new WeakMap<Call, Promise<boolean>>();

/**
 * Answers whether the viewer's identity still exists and is enabled; asks the database once a call, whichever of the
 * subgraphs in this process asks first, and again only when it is to be asked afresh or could not answer.
 */
export const liveness =
  (db: Knex, call: Call) =>
  async (asked?: "AFRESH"): Promise<boolean> => {
    const answer =
      asked === "AFRESH"
        ? (unsent.get(call) ?? askSoon(db, call))
        : (answers.get(call) ?? isLive(db, call.viewer));
    answers.set(call, answer);
    try {
      return await answer;
    } catch (error) {
      if (answers.get(call) === answer) answers.delete(call);
      throw error;
    }
  };

/** Many refusals come at once where a request has many fields. */
function askSoon(db: Knex, call: Call): Promise<boolean> {
  const answer = setImmediate().then(() => {
    unsent.delete(call);
    return isLive(db, call.viewer);
  });
  unsent.set(call, answer);
  return answer;
}

async function isLive(db: Knex, { identityId }: Viewer): Promise<boolean> {
  const rows = await prepared(
    db,
    sql`select from tenant.published_identities where uuid = ${identityId} and enabled`,
  );
  return rows.length > 0;
}
