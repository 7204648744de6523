import type { Knex } from "../../../common/database.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Caller } from "../access/caller.ts";
import { StreamStore, type Stream } from "../stream/store.ts";
import type { Share } from "./rows-store.ts";

/** Who can read own streams no longer, and which; of each list the first 100. */
export interface Losses {
  readonly tenantCount: number;
  readonly identityCount: number;
  readonly streamCount: number;
  readonly stillReadableCount: number;
  readonly tenantIds: readonly string[];
  readonly streamIds: readonly string[];
  readonly stillReadableIds: readonly string[];
}

/** What a change takes that takes nothing from anybody, or of which it is not asked. */
export const nothingLost: Losses = {
  tenantCount: 0,
  identityCount: 0,
  streamCount: 0,
  stillReadableCount: 0,
  tenantIds: [],
  streamIds: [],
  stillReadableIds: [],
};

/** A change as the transaction that makes it knows it. */
export interface MadeChange {
  readonly losses: Losses;
  readonly endedShareIds: readonly string[];
}

/** A change of who can read own streams that was made or foreseen, as its caller sees it afterwards. */
export interface ReadersChange extends Omit<
  Losses,
  "streamIds" | "stillReadableIds"
> {
  readonly applied: boolean;
  readonly endedShareIds: readonly string[];
  /** Null stands for what the caller sees no longer. */
  readonly streams: readonly (Stream | null)[];
  readonly stillReadable: readonly (Stream | null)[];
}

/** Asked in the changing transaction, after the change: the answer, with what its caller still sees. */
export async function told(
  transaction: Knex.Transaction,
  viewer: Viewer,
  { losses, endedShareIds }: MadeChange,
  { applied }: { applied: boolean },
): Promise<ReadersChange> {
  const streams = new StreamStore(transaction, viewer);
  return {
    ...losses,
    applied,
    endedShareIds,
    streams: await streams.findAll(losses.streamIds),
    stillReadable: await streams.findAll(losses.stillReadableIds),
  };
}

/** What the end of these shares is going to take from whom. */
export async function lossesOf(
  transaction: Knex.Transaction,
  { id, tenantRowId }: Caller,
  shares: readonly Share[],
): Promise<Losses> {
  const { rows } = await transaction.raw<{ rows: [Losses] }>(
    `with asked as (select ?::uuid as viewer, ?::int as tenant_id, ?::int[] as share_ids),
     streams_ending as materialized (
       select distinct h.tenant_id, h.stream_id
       from asked a join stream.shares h on h.tenant_id = a.tenant_id and h.id = any (a.share_ids)
     ),
     -- T4, S8: of the shares that go on, those alone count that the caller sees.
     seen as materialized (
       select v.id
       from asked a
       cross join lateral stream.visible_shares(a.viewer) v
       join streams_ending e on e.tenant_id = v.tenant_id and e.stream_id = v.stream_id
       where v.is_own
     ),
     open as materialized (
       select h.id = any (a.share_ids) as ends, h.tenant_id, h.stream_id, h.membership_id, s.community_id
       from asked a
       cross join streams_ending e
       join stream.shares h on h.tenant_id = e.tenant_id and h.stream_id = e.stream_id
       join stream.sharers s on s.membership_id = h.membership_id
       where h.id = any (a.share_ids) or h.id in (select v.id from seen v)
     ),
     losers as materialized (
       select a.community_id, a.identity_id, a.tenant_id
       from stream.audience a
       where a.sharing_id in (select o.membership_id from open o where o.ends)
     ),
     lost as materialized (
       select o.tenant_id, o.stream_id, o.community_id
       from open o
       where o.ends and o.community_id in (select l.community_id from losers l)
     ),
     -- In which other communities some of those who lose a community's shares read.
     elsewhere as materialized (
       select distinct l.community_id as lost_in, a.community_id as read_in
       from losers l
       join stream.audience a on a.identity_id = l.identity_id
       where a.sharing_id in (select o.membership_id from open o where not o.ends)
     ),
     streams as (
       select s.id, s.uuid,
              exists (select from open o
                      join lost l on l.stream_id = o.stream_id
                      join elsewhere e on e.lost_in = l.community_id and e.read_in = o.community_id
                      where o.stream_id = s.id and not o.ends) as is_still_readable
       from stream.streams s
       where (s.tenant_id, s.id) in (select l.tenant_id, l.stream_id from lost l)
     ),
     tenants as (
       select t.id, t.uuid from tenant.published_tenants t where t.id in (select l.tenant_id from losers l)
     )
     select (select count(*) from tenants) as "tenantCount",
            (select count(distinct l.identity_id) from losers l) as "identityCount",
            (select count(*) from streams) as "streamCount",
            (select count(*) from streams s where s.is_still_readable) as "stillReadableCount",
            array(select t.uuid from tenants t order by t.id limit 100) as "tenantIds",
            array(select s.uuid from streams s order by s.id limit 100) as "streamIds",
            array(select s.uuid from streams s where s.is_still_readable order by s.id limit 100)
              as "stillReadableIds"`,
    [id, tenantRowId, shares.map(({ rowId }) => rowId)],
  );
  return rows[0];
}
