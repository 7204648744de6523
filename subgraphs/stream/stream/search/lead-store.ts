import { prepared, type Knex } from "../../../../common/database.ts";
import { directionOf, type Stretch } from "./order-store.ts";

/** A stream that may be on a page: that it was found here decides nothing. */
export interface Lead {
  readonly tenantRowId: number;
  readonly rowId: number;
  readonly id: string;
  readonly name: string;
}

export interface Leads {
  readonly leads: readonly Lead[];
  /** Whether there may be more, beyond these by name. */
  readonly areCut: boolean;
}

/** So many for each stream of a page, for what the gate or the search refuses of them. */
const leadsPerStream = 10;

const ofShares = `
  select h.tenant_id, h.stream_id, h.stream_name as name, h.stream_uuid as uuid from stream.shares h
  where h.community_id = c.community_id and h.tenant_id <> c.tenant_id`;
const ofWords = `
  select w.tenant_id, w.stream_id, w.name, w.uuid from stream.words w
  where w.scope = 'SHARED' and w.scope_id = c.community_id and w.word = x.word and w.tenant_id <> c.tenant_id`;

/**
 * The next streams by name that others share in all communities where the viewer takes part, or those of them that hold
 * one of these words, each once: for each community, and each word there, a look into an index.
 */
export async function nextShared(
  db: Knex,
  viewer: string | null,
  page: Stretch,
  words: readonly string[] | null,
): Promise<Leads> {
  const count = leadsPerStream * (page.size + 1);
  const direction = directionOf(page);
  const inOne = page
    .select(
      db
        .select("g.tenant_id", "g.stream_id", "g.name", "g.uuid")
        .from(db.raw(`(${words ? ofWords : ofShares}) g`)),
    )
    .limit(count);
  const leads = await prepared<Lead>(
    db,
    db.raw(
      `select distinct on (h.name, h.uuid) h.tenant_id as "tenantRowId", h.stream_id as "rowId", h.uuid as id, h.name
       from stream.participations(?) c
       cross join unnest(?::text[]) as x (word)
       cross join lateral ? h
       order by h.name ${direction}, h.uuid ${direction}
       limit ?`,
      // Streams that are shared widely have a row of no word.
      [viewer, words ? [...words, ""] : [""], inOne, count],
    ),
  );
  return { leads, areCut: leads.length === count };
}
