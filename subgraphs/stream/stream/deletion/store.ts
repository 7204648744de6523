import type { Knex } from "../../../../common/database.ts";
import type { Caller } from "../../access/caller.ts";
import type { Losses } from "../../share/readers-change-store.ts";
import type { Share } from "../../share/rows-store.ts";
import type { Stream } from "../store.ts";

/** The end of own streams. */
export class StreamDeletionStore {
  constructor(private readonly transaction: Knex.Transaction) {}

  /** Who is going to lose these streams: colleagues by their access lists, and others by these shares of them. */
  async losses(
    { tenantRowId }: Caller,
    ownStreams: readonly Stream[],
    shares: readonly Share[],
  ): Promise<Losses> {
    const { rows } = await this.transaction.raw<{
      rows: [Omit<Losses, "stillReadableCount" | "stillReadableIds">];
    }>(
      `with asked as (select ?::int as tenant_id, ?::int[] as stream_ids, ?::int[] as share_ids),
       open as materialized (
         select h.stream_id, h.membership_id
         from asked a join stream.shares h on h.tenant_id = a.tenant_id and h.id = any (a.share_ids)
       ),
       readers as materialized (
         select a.sharing_id, a.identity_id, a.tenant_id
         from stream.audience a where a.sharing_id in (select o.membership_id from open o)
       ),
       colleagues as materialized (
         select r.stream_id, r.identity_id
         from asked a join stream.own_audience r on r.tenant_id = a.tenant_id and r.stream_id = any (a.stream_ids)
       ),
       streams as (
         select s.id, s.uuid from asked a join stream.streams s on s.tenant_id = a.tenant_id
         where s.id in (select o.stream_id from open o where o.membership_id in (select r.sharing_id from readers r))
            or s.id in (select c.stream_id from colleagues c)
       ),
       tenants as (
         select t.id, t.uuid from tenant.published_tenants t
         where t.id in (select r.tenant_id from readers r)
            or t.id = (select a.tenant_id from asked a) and exists (select from colleagues)
       )
       select (select count(*) from tenants) as "tenantCount",
              (select count(distinct r.identity_id) from readers r)
                + (select count(distinct c.identity_id) from colleagues c) as "identityCount",
              (select count(*) from streams) as "streamCount",
              array(select t.uuid from tenants t order by t.id limit 100) as "tenantIds",
              array(select s.uuid from streams s order by s.id limit 100) as "streamIds"`,
      [
        tenantRowId,
        ownStreams.map(({ rowId }) => rowId),
        shares.map(({ rowId }) => rowId),
      ],
    );
    return { ...rows[0], stillReadableCount: 0, stillReadableIds: [] };
  }

  /** With their shares, their words and what is known of their events; those are left to be removed bit by bit. */
  async remove(
    { tenantRowId }: Caller,
    streams: readonly Stream[],
  ): Promise<void> {
    await this.transaction.raw(
      `with removed as (delete from stream.streams where tenant_id = ? and id = any (?::int[]) returning tenant_id, id)
       insert into stream.leftovers (tenant_id, stream_id) select tenant_id, id from removed`,
      [tenantRowId, streams.map(({ rowId }) => rowId)],
    );
  }
}
