import { prepared, type Knex } from "../../../../common/database.ts";
import { directionOf, withinOf, type Stretch } from "./order-store.ts";

/** A stream that may be on a page: that it was found here decides nothing. */
export interface Lead {
  readonly tenantRowId: number;
  readonly rowId: number;
  readonly id: string;
  readonly name: string;
}

export interface Leads {
  /** By name, in the page's direction. */
  readonly leads: readonly Lead[];
  /** Whether there may be more, beyond these by name. */
  readonly areCut: boolean;
}

/** So many for each stream of a page, for what the gate or the search refuses of them. */
const leadsPerStream = 10;
/** So many communities tell by their next streams how far to look in all of them. */
const sampled = 64;

const ofShares = `
  select h.tenant_id, h.stream_id, h.stream_name as name, h.stream_uuid as uuid from stream.shares h
  where h.community_id = c.community_id and h.tenant_id <> c.tenant_id`;
const ofWords = `
  select w.tenant_id, w.stream_id, w.name, w.uuid from stream.words w
  where w.scope = 'SHARED' and w.scope_id = c.community_id and w.word = c.word and w.tenant_id <> c.tenant_id`;

const lead = `h.tenant_id as "tenantRowId", h.stream_id as "rowId", h.uuid as id, h.name`;

/**
 * The next streams by name that others share in all communities where the viewer takes part, each once, up to where
 * there are likely to be enough of them: one pass along an index, from community to community. None where that cannot
 * be told.
 */
export async function nearShared(
  db: Knex,
  viewer: string | null,
  page: Stretch,
): Promise<Leads> {
  const count = leadsPerStream * (page.size + 1);
  const direction = directionOf(page);
  const next = (shares: string) =>
    page.select(db.from(db.raw(`(${shares}) g`)).select("g.name", "g.uuid"));
  const near = next(
    `select h.tenant_id, h.stream_id, h.stream_name as name, h.stream_uuid as uuid from stream.shares h
     where h.community_id = any (array(select p.community_id from places p))
       and h.tenant_id <> (select p.tenant_id from places p limit 1)`,
  )
    .select("g.tenant_id", "g.stream_id")
    .distinctOn("g.name", "g.uuid")
    .whereRaw(
      `(g.name, g.uuid) ${withinOf(page)} ((select b.name from bound b), (select b.uuid from bound b))`,
    )
    .limit(count);
  const leads = await prepared<Lead>(
    db,
    db.raw(
      `with places as materialized (
         select p.community_id, p.tenant_id, row_number() over () as place from stream.participations(?) p
       ),
       sample as (select 1 + count(*) / ? as every from places),
       bound as materialized (
         select h.name, h.uuid
         from sample s
         join places c on c.place % s.every = 0
         cross join lateral ? h
         group by h.name, h.uuid
         order by h.name ${direction}, h.uuid ${direction}
         offset (select ? / s.every from sample s) limit 1
       )
       select ${lead} from ? h order by h.name ${direction}, h.uuid ${direction}`,
      [viewer, sampled, next(ofShares), count, near],
    ),
  );
  return { leads, areCut: true };
}

/**
 * The next of these streams, or of those that hold one of these words, however far: for each community, and each word
 * there, a look into an index for the next one, and a longer one where that is among the next of all.
 */
export async function nextShared(
  db: Knex,
  viewer: string | null,
  page: Stretch,
  words: readonly string[] | null,
): Promise<Leads> {
  const count = leadsPerStream * (page.size + 1);
  const direction = directionOf(page);
  const nextInOne = (limit: number) =>
    page
      .select(
        db
          .select("g.tenant_id", "g.stream_id", "g.name", "g.uuid")
          .from(db.raw(`(${words ? ofWords : ofShares}) g`)),
      )
      .limit(limit);
  const leads = await prepared<Lead>(
    db,
    db.raw(
      `with nearest as materialized (
         select c.*, h.name, h.uuid
         from (select p.community_id, p.tenant_id, x.word
               from stream.participations(?) p cross join unnest(?::text[]) as x (word)) c
         cross join lateral ? h
       )
       select distinct on (h.name, h.uuid) ${lead}
       from (select n.*, dense_rank() over (order by n.name ${direction}, n.uuid ${direction}) as place from nearest n) c
       cross join lateral ? h
       where c.place <= ?
       order by h.name ${direction}, h.uuid ${direction}
       limit ?`,
      [
        viewer,
        // Streams that are shared widely have a row of no word.
        words ? [...words, ""] : [""],
        nextInOne(1),
        nextInOne(count),
        count,
        count,
      ],
    ),
  );
  return { leads, areCut: leads.length === count };
}
