import { brokenConstraint, type Knex } from "../../../common/database.ts";
import { microsOf, type Micros } from "../../../common/date-time.ts";
import { notFound } from "../../../common/errors.ts";

/** From a stream's first event to its last. */
export interface Reach {
  readonly first: Micros;
  readonly last: Micros;
}

export interface StreamKey {
  readonly tenantRowId: number;
  readonly streamRowId: number;
}

/** What is known of streams whose events nobody else changes, by their rows. */
export interface Claimed {
  readonly extents: ReadonlyMap<number, Reach>;
  /** Of streams that keep their events for a time: what is older is not there any more. No event is before 1970. */
  readonly keptFrom: ReadonlyMap<number, Micros>;
}

/**
 * Lets nobody else change the events of these streams until the transaction ends, and answers from where to where they
 * reach. Rows are taken in the order of their ids, against deadlocks. A stream without events has no row and is given
 * one here, or there would be nothing to hold: who makes the change leaves it with its events, or removes it.
 */
export async function claimStreams(
  transaction: Knex.Transaction,
  streams: readonly StreamKey[],
): Promise<Claimed> {
  const { rows } = await transaction
    .raw<{
      rows: {
        streamRowId: number;
        first: string | null;
        last: string | null;
        keptFrom: string | null;
      }[];
    }>(
      `insert into stream.latest as l (tenant_id, stream_id, first_ts, ts)
       select s.tenant_id, s.id, 'infinity', '-infinity' from unnest(?::int[], ?::int[]) s (tenant_id, id)
       order by s.tenant_id, s.id
       on conflict (tenant_id, stream_id) do update set ts = l.ts
       returning l.stream_id as "streamRowId", case when isfinite(l.ts) then l.first_ts end as first,
                 case when isfinite(l.ts) then l.ts end as last,
                 (select greatest(now() - s.retention, timestamptz 'epoch') from stream.streams s
                  where s.tenant_id = l.tenant_id and s.id = l.stream_id) as "keptFrom"`,
      keysOf(streams),
    )
    .options({ name: "claim_streams" })
    .catch((error: unknown) => {
      // One was deleted meanwhile.
      throw brokenConstraint(error) === "latest_stream_fkey"
        ? notFound()
        : error;
    });
  return {
    extents: new Map(
      rows.flatMap(({ streamRowId, first, last }) =>
        first !== null && last !== null
          ? [[streamRowId, { first: microsOf(first), last: microsOf(last) }]]
          : [],
      ),
    ),
    keptFrom: new Map(
      rows.flatMap(({ streamRowId, keptFrom }) =>
        keptFrom === null ? [] : [[streamRowId, microsOf(keptFrom)]],
      ),
    ),
  };
}

/** As two lists, for a statement to unnest. */
export const keysOf = (streams: readonly StreamKey[]): [number[], number[]] => [
  streams.map(({ tenantRowId }) => tenantRowId),
  streams.map(({ streamRowId }) => streamRowId),
];
