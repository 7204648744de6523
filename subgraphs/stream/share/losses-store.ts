import type { Knex } from "../../../common/database.ts";
import type { Caller } from "../access/caller.ts";
import type { Losses } from "./readers-change.ts";
import type { Share } from "./store.ts";

/** What the end of these shares is going to take from whom. */
export async function lossesOf(
  transaction: Knex.Transaction,
  { tenantRowId }: Caller,
  shares: readonly Share[],
): Promise<Losses> {
  const { rows } = await transaction.raw<{ rows: [Losses] }>(
    `with asked as (select ?::int as tenant_id, ?::int[] as share_ids),
     open as materialized (
       select h.id = any (a.share_ids) as ends, h.tenant_id, h.stream_id, h.membership_id, s.community_id
       from asked a
       join stream.shares h on h.tenant_id = a.tenant_id
         and h.stream_id in (select x.stream_id from stream.shares x
                             where x.tenant_id = a.tenant_id and x.id = any (a.share_ids))
       join stream.sharers s on s.membership_id = h.membership_id
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
    [tenantRowId, shares.map(({ rowId }) => rowId)],
  );
  return rows[0];
}
