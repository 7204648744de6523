import { prepared, type Knex } from "../../../common/database.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { CallerStore } from "../access/caller-store.ts";
import { hasRole } from "../access/caller.ts";
import type { IdentityKind, ReadKind, TimeWindow } from "../generated.ts";
import { seesShares } from "../share/rules.ts";
import type { Stream } from "../stream/store.ts";

/** One read of a stream by an identity of another tenant. */
export interface ReadRecord {
  readonly at: string;
  readonly kind: ReadKind;
  readonly from: string | null;
  readonly to: string | null;
  readonly pointCount: number;
  readonly requestId: string;
  readonly tenantId: string;
  readonly name: string;
  readonly isPseudonym: boolean;
  /** Null of an identity that is gone. */
  readonly identityKind: IdentityKind | null;
  readonly shareId: string;
  /** Null of a community that is gone. */
  readonly communityId: string | null;
}

/** How much one tenant read of another's in a community on a day. */
export interface Usage {
  readonly day: string;
  readonly tenantId: string;
  readonly communityId: string | null;
  readonly readCount: number;
  readonly pointCount: number;
}

/** What of a tenant's usage is asked for. */
export interface TenantUsage {
  readonly communityId: string | null;
  readonly window: TimeWindow | null;
}

const newestFirst: Order = {
  by: [
    { sql: "r.at", type: "timestamptz" },
    { sql: "r.id", type: "bigint" },
  ],
  descending: true,
};

const latestDayFirst = (partner: string): Order => ({
  by: [
    { sql: "u.day", type: "timestamptz" },
    { sql: `u.${partner}`, type: "int" },
    { sql: "u.community_id", type: "int" },
  ],
  descending: true,
});

/** T4, S8: whether an own identity, of this row, leads the community in which was read. */
const isLed = (community: string, identity: string) => `
  exists (select from community.published_memberships m
          join community.published_members me on me.membership_id = m.id
          where m.community_id = ${community} and me.identity_id = ${identity} and me.role <> 'MEMBER')`;

/**
 * S8 of own streams, all of their reads or those in communities that the viewer leads; T4, T2 of others' what the own
 * tenant has read, or the viewer itself.
 */
const parents = `(
  select o.tenant_id, o.id, o.uuid as key, o.identity_id, o.is_whole, true as is_own, null::int as reader_tenant_id
  from stream.overseen(?) o where o.uuid = any (?::uuid[])
  union all
  select v.tenant_id, v.id, v.uuid, c.id, c.roles && array['ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD'], false, c.tenant_id
  from stream.visible(?, ?::uuid[]) v
  cross join stream.caller(?) c
  where not v.is_own
) as parent`;

const ofParent = `
  r.tenant_id = parent.tenant_id
  and (parent.is_own or r.reader_tenant_id = parent.reader_tenant_id)
  and (parent.is_whole or not parent.is_own and r.reader_id = parent.identity_id
       or ${isLed("r.community_id", "parent.identity_id")})`;

const readColumns = {
  at: "r.at",
  kind: "r.kind",
  from: "r.from_ts",
  to: "r.to_ts",
  pointCount: "r.points",
  tenantId: "t.uuid",
  identityKind: "i.kind",
  shareId: "r.share_id",
  communityId: "c.uuid",
};

/**
 * Rule 16: the sharing tenant meets the reader as its readers now, if it met it so then, and by the mark of then otherwise:
 * neither who chose pseudonyms since nor who gave them up is told by what was kept before. The own tenant has names.
 */
const introduced = `
  left join lateral tenant.introduce(
    r.reader_id, case when parent.is_own then r.tenant_id else r.reader_tenant_id end) n
    on not parent.is_own or left(n.mark, 16) = r.reader_mark`;

/**
 * Each sharer has its own for a request, or two would find out that they meet the same reader. That of the reader is
 * random, and nobody else is told it.
 */
const requestId = `
  case when parent.is_own
    then left(encode(sha256(convert_to(concat_ws(' ', r.tenant_id, r.request_id), 'UTF8')), 'hex'), 32)
    else r.request_id end`;

/** Who read what of other tenants' streams: to the one side what was read of it, to the other what it read. */
export class UsageStore {
  private readonly callers: CallerStore;
  private readonly reads: NestedList<ReadRecord, PageArgs, string>;

  constructor(
    private readonly db: Knex,
    viewer: Viewer,
  ) {
    this.callers = new CallerStore(db, viewer);
    const { identityId } = viewer;
    this.reads = new NestedList(db, {
      name: "reads",
      order: newestFirst,
      parents: (ids) =>
        new Sql(parents, [
          ...[identityId, [...ids]],
          ...[identityId, [...ids], identityId],
        ]),
      parentId: "r.stream_id",
      rows: () =>
        db
          .from("stream.reads as r")
          .select(readColumns)
          .select(
            db.raw(
              `coalesce(n.name, concat_ws(' ', 'reader', r.reader_mark)) as name,
               coalesce(n.is_pseudonym, true) as "isPseudonym", ${requestId} as "requestId"`,
            ),
          )
          .joinRaw(
            `join tenant.published_tenants t on t.id = r.reader_tenant_id
             left join tenant.published_identities i on i.id = r.reader_id
             left join community.published_communities c on c.id = r.community_id
             ${introduced}`,
          )
          .whereRaw(ofParent),
      isPrepared: true,
    });
  }

  /** Null of an own stream unless S8 names the viewer for it. */
  ofStream(
    { id }: Stream,
    args: PageArgs,
  ): Promise<Connection<ReadRecord> | null> {
    return this.reads.find(id, args);
  }

  /** Null of another tenant than one's own, and unless T4 names the viewer. */
  async ofTenant(
    tenantId: string,
    {
      communityId = null,
      window = null,
    }: { communityId?: string | null; window?: TimeWindow | null },
  ): Promise<TenantUsage | null> {
    const caller = await this.callers.find();
    return caller?.tenantId === tenantId && seesShares(caller)
      ? { communityId, window }
      : null;
  }

  /** From when on there are single reads: the same for all tenants. */
  async readsKeptFrom(): Promise<string> {
    const [row] = await prepared<{ at: string }>(
      this.db,
      this.db.raw("select stream.reads_kept_from() as at"),
    );
    if (!row?.at) throw new Error("There is no month of reads.");
    return row.at;
  }

  /** What others read of the own tenant. */
  given(usage: TenantUsage, args: PageArgs): Promise<Connection<Usage>> {
    return this.page(usage, args, "tenant_id", "reader_tenant_id");
  }

  /** What the own tenant read of others. */
  received(usage: TenantUsage, args: PageArgs): Promise<Connection<Usage>> {
    return this.page(usage, args, "reader_tenant_id", "tenant_id");
  }

  private async page(
    { communityId, window }: TenantUsage,
    args: PageArgs,
    own: "tenant_id" | "reader_tenant_id",
    partner: "tenant_id" | "reader_tenant_id",
  ): Promise<Connection<Usage>> {
    const caller = await this.callers.get();
    const page = new Page(
      args,
      ["usage", own, communityId, window],
      latestDayFirst(partner),
    );
    const { tenantRowId, rowId } = caller;
    const isWhole = hasRole(caller, "ACCOUNT_ADMINISTRATOR", "DATA_STEWARD");
    const listed = () =>
      this.db
        .from("stream.usage as u")
        .select({
          day: "u.day",
          tenantId: "t.uuid",
          communityId: "c.uuid",
          readCount: "u.reads",
          pointCount: "u.points",
        })
        .joinRaw(
          `join tenant.published_tenants t on t.id = u.${partner}
           left join community.published_communities c on c.id = u.community_id`,
        )
        .whereRaw(
          `u.${own} = ? and (? or ${isLed("u.community_id", "?")})
           and (? or c.uuid = ?::uuid)
           and (?::timestamptz is null or u.day > ?::timestamptz - interval '1 day' and u.day <= ?::timestamptz)`,
          [
            ...[tenantRowId, isWhole, rowId],
            communityId === null,
            communityId !== null && isUuid(communityId) ? communityId : null,
            ...[window?.from ?? null, window?.from ?? null, window?.to ?? null],
          ] as Knex.RawBinding[],
        );
    const rows = await prepared<Usage & { position: string[] }>(
      this.db,
      page.select(listed()),
    );
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(listed().as("listed")),
      );
      return row?.count ?? 0;
    });
  }
}
