import type { Knex } from "../../../common/database.ts";
import { removeFirst } from "./old-event-store.ts";

/** Removes some events of a stream that was deleted, which no other process is at; answers whether there were any. */
export const removeLeftovers = (db: Knex): Promise<boolean> =>
  db.transaction(async (transaction) => {
    const { rows } = await transaction.raw<{
      rows: {
        tenantRowId: number;
        streamRowId: number;
        reached: string | null;
      }[];
    }>(
      `select tenant_id as "tenantRowId", stream_id as "streamRowId", reached
       from stream.leftovers limit 1 for update skip locked`,
    );
    const [stream] = rows;
    if (!stream) return false;
    const reached = await removeFirst(transaction, {
      ...stream,
      from: stream.reached,
      before: null,
    });
    const key = {
      tenant_id: stream.tenantRowId,
      stream_id: stream.streamRowId,
    };
    const leftovers = transaction("stream.leftovers").where(key);
    await (reached === null
      ? leftovers.delete()
      : leftovers.update({ reached }));
    return true;
  });
