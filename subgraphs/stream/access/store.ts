import { createHash } from "node:crypto";
import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Losses } from "../share/readers-change-store.ts";
import type { Stream } from "../stream/store.ts";
import type { Caller } from "./caller.ts";
import type { AccessEntry, NewAccessEntry } from "./entries.ts";
import { sumOf } from "./rights.ts";

/** What S3 shows of a stream. */
export interface StreamAccess {
  readonly entries: readonly AccessEntry[];
  readonly ownerId: string | null;
}

/** What a new namespace starts with. */
export const defaultAccess: readonly NewAccessEntry[] = (
  [
    [
      "ACCOUNT_ADMINISTRATOR",
      ["READ", "WRITE", "DELETE", "MANAGE_ACCESS_CONTROL"],
    ],
    ["DATA_STEWARD", ["READ", "SHARE"]],
    ["CONTRIBUTOR", ["READ", "WRITE", "DELETE"]],
    ["VIEWER", ["READ"]],
  ] as const
).map(([role, rights]) => ({
  effect: "ALLOW",
  rights: sumOf(rights),
  role,
  identityId: null,
  identityRowId: null,
}));

/** Access lists, as the viewer may see them: those of streams whose access it manages. */
export class AccessStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** Null for a stream whose access the viewer does not manage. */
  ofStream({ id }: Stream): Promise<StreamAccess | null> {
    return this.byStream.load(id);
  }

  /** The list with these entries. A list is a value: whoever asks for the same entries gets the same list. */
  async listOf(
    tenantRowId: number,
    entries: readonly NewAccessEntry[],
  ): Promise<number> {
    const canonical = entries
      .map(({ effect, role, identityRowId, rights }) => ({
        effect,
        role,
        identity_id: identityRowId,
        rights,
      }))
      .map((entry) => ({ entry, key: JSON.stringify(entry) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const hash = createHash("sha256").update(
      canonical.map(({ key }) => key).join(),
    );
    // The update changes nothing: it makes the statement return the row that another transaction made meanwhile.
    const { rows } = await this.db.raw<{
      rows: [{ id: number; isNew: boolean }];
    }>(
      `insert into stream.access_lists as l (tenant_id, content_hash) values (?, ?)
       on conflict on constraint access_lists_content_unique do update set content_hash = l.content_hash
       returning l.id, l.xmax = 0 as "isNew"`,
      [tenantRowId, hash.digest()],
    );
    const [{ id, isNew }] = rows;
    if (isNew && canonical.length > 0)
      await this.db("stream.access_entries").insert(
        canonical.map(({ entry }, position) => ({
          tenant_id: tenantRowId,
          list_id: id,
          position,
          ...entry,
        })),
      );
    return id;
  }

  /** The entries of a list of the own tenant, those of identities that are gone left out. */
  entriesOfList(listId: number): Promise<readonly NewAccessEntry[]> {
    return this.byList.load(listId);
  }

  /** The entries of own streams' lists by stream, those of identities that are gone left out. */
  async entriesOf(
    streams: readonly Stream[],
  ): Promise<Map<string, NewAccessEntry[]>> {
    const { rows } = await this.db.raw<{
      rows: { streamId: string; entries: NewAccessEntry[] }[];
    }>(
      `with lists as (
         select s.uuid, s.tenant_id, s.access_list_id
         from stream.own(?) o join stream.streams s on s.tenant_id = o.tenant_id and s.id = o.id
         where o.id = any (?::int[])
       ), entries as (
         select l.tenant_id, l.access_list_id,
                jsonb_agg(jsonb_build_object('effect', e.effect, 'rights', e.rights, 'role', e.role,
                                             'identityRowId', i.id, 'identityId', i.uuid)) as entries
         from (select distinct tenant_id, access_list_id from lists) l
         join stream.access_entries e on e.tenant_id = l.tenant_id and e.list_id = l.access_list_id
         left join tenant.published_identities i on i.id = e.identity_id
         where e.role is not null or i.id is not null
         group by l.tenant_id, l.access_list_id
       )
       select l.uuid as "streamId", e.entries
       from lists l join entries e using (tenant_id, access_list_id)`,
      [this.viewer.identityId, streams.map(({ rowId }) => rowId)],
    );
    return new Map(rows.map(({ streamId, entries }) => [streamId, entries]));
  }

  /** Which identities are going to lose READ on which of these streams when they get this list. */
  async losses(
    { tenantRowId, tenantId }: Caller,
    streams: readonly Stream[],
    listId: number,
  ): Promise<Losses> {
    const { rows } = await this.db.raw<{
      rows: [
        Pick<Losses, "identityCount" | "streamCount"> & { streamIds: string[] },
      ];
    }>(
      `with asked as (select ?::int as tenant_id, ?::int as list_id),
       changing as materialized (
         select s.id, s.uuid, s.owner_id, s.access_list_id
         from asked a join stream.streams s on s.tenant_id = a.tenant_id
         where s.id = any (?::int[])
       ),
       identities as materialized (
         select i.id, array_append(array_agg(r.role) filter (where r.role is not null), 'MEMBER') as roles
         from asked a
         join tenant.published_identities i on i.tenant_id = a.tenant_id and i.enabled
         left join tenant.published_roles r on r.identity_id = i.id
         group by i.id
       ),
       losers as materialized (
         select l.access_list_id, i.id
         from asked a
         cross join (select distinct c.access_list_id from changing c) l
         cross join identities i
         cross join lateral stream.list_rights(i.id, i.roles, a.tenant_id, l.access_list_id) before
         cross join lateral stream.list_rights(i.id, i.roles, a.tenant_id, a.list_id) after
         where before.rights & 1 = 1 and after.rights & 1 = 0
       ),
       -- A stream's owner reads it whatever the list says.
       lost as materialized (
         select c.id as stream_id, c.uuid, l.id as identity_id
         from changing c
         join losers l on l.access_list_id = c.access_list_id and l.id is distinct from c.owner_id
       )
       select (select count(distinct l.identity_id) from lost l) as "identityCount",
              (select count(distinct l.stream_id) from lost l) as "streamCount",
              array(select l.uuid from lost l group by l.stream_id, l.uuid order by l.stream_id limit 100) as "streamIds"`,
      [tenantRowId, listId, streams.map(({ rowId }) => rowId)],
    );
    const [losses] = rows;
    const tenantIds = losses.identityCount > 0 ? [tenantId] : [];
    return {
      ...losses,
      tenantCount: tenantIds.length,
      tenantIds,
      stillReadableCount: 0,
      stillReadableIds: [],
    };
  }

  async set(
    { tenantRowId }: Caller,
    streams: readonly Stream[],
    listId: number,
  ): Promise<void> {
    await this.db.raw(
      "update stream.streams set access_list_id = ? where tenant_id = ? and id = any (?::int[])",
      [listId, tenantRowId, streams.map(({ rowId }) => rowId)],
    );
  }

  private readonly byList = new DataLoader(
    async (listIds: readonly number[]) => {
      const rows = await prepared<{
        listId: number;
        entries: NewAccessEntry[];
      }>(
        this.db,
        this.db.raw(
          `select e.list_id as "listId",
                  jsonb_agg(jsonb_build_object('effect', e.effect, 'rights', e.rights, 'role', e.role, 'identityRowId', i.id,
                                               'identityId', i.uuid) order by e.position) as entries
           from stream.caller(?) c
           join stream.access_entries e on e.tenant_id = c.tenant_id
           left join tenant.published_identities i on i.id = e.identity_id
           where e.list_id = any (?::int[]) and (e.role is not null or i.id is not null)
           group by e.list_id`,
          [this.viewer.identityId, [...listIds]],
        ),
      );
      return inKeyOrder(listIds, rows, (row) => row.listId).map(
        (row) => row?.entries ?? [],
      );
    },
    { cache: false },
  );

  private readonly byStream = new DataLoader(
    async (streamIds: readonly string[]) => {
      const rows = await prepared<StreamAccess & { streamId: string }>(
        this.db,
        this.db.raw(
          `select o.uuid as "streamId", owner.uuid as "ownerId",
                (select coalesce(jsonb_agg(jsonb_build_object('effect', e.effect, 'rights', e.rights, 'role', e.role,
                                                              'identityId', i.uuid) order by e.position), '[]')
                 from stream.access_entries e
                 left join tenant.published_identities i on i.id = e.identity_id
                 where e.tenant_id = s.tenant_id and e.list_id = s.access_list_id
                   and (e.role is not null or i.id is not null)) as entries
         from stream.own(?) o
         join stream.streams s on s.tenant_id = o.tenant_id and s.id = o.id
         left join tenant.published_identities owner on owner.id = s.owner_id
         where o.uuid = any (?::uuid[]) and o.rights & 8 = 8`,
          [this.viewer.identityId, [...streamIds]],
        ),
      );
      return inKeyOrder(streamIds, rows, (row) => row.streamId);
    },
    // Nothing is remembered: a mutation may change what the request's next field reads.
    { cache: false },
  );
}
