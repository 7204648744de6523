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

/**
 * Lets nobody else change the events of these streams until the transaction ends, and answers from where to where they
 * reach. Rows are taken in the order of their ids, against deadlocks. A stream without events has no row and is given
 * one here, or there would be nothing to hold: who makes the change leaves it with its events, or removes it.
 */
export async function claimStreams(
  transaction: Knex.Transaction,
  streams: readonly StreamKey[],
): Promise<Map<number, Reach>> {
  const { rows } = await transaction
    .raw<{
      rows: {
        streamRowId: number;
        first: string | null;
        last: string | null;
      }[];
    }>(
      `insert into stream.latest as l (tenant_id, stream_id, first_ts, ts)
       select s.tenant_id, s.id, 'infinity', '-infinity' from unnest(?::int[], ?::int[]) s (tenant_id, id)
       order by s.tenant_id, s.id
       on conflict (tenant_id, stream_id) do update set ts = l.ts
       returning l.stream_id as "streamRowId", case when isfinite(l.ts) then l.first_ts end as first,
                 case when isfinite(l.ts) then l.ts end as last`,
      [
        streams.map(({ tenantRowId }) => tenantRowId),
        streams.map(({ streamRowId }) => streamRowId),
      ],
    )
    .options({ name: "claim_streams" })
    .catch((error: unknown) => {
      // One was deleted meanwhile.
      throw brokenConstraint(error) === "latest_stream_fkey"
        ? notFound()
        : error;
    });
  return new Map(
    rows.flatMap(({ streamRowId, first, last }) =>
      first !== null && last !== null
        ? [[streamRowId, { first: microsOf(first), last: microsOf(last) }]]
        : [],
    ),
  );
}
