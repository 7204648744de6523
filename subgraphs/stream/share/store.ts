import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { CallerStore } from "../access/caller-store.ts";
import { hasRole, type Caller } from "../access/caller.ts";
import { includes } from "../access/rights.ts";
import type { ShareState } from "../generated.ts";
import { StreamStore, type Stream } from "../stream/store.ts";
import {
  assertMayEnd,
  assertMayShareIn,
  assertPairs,
  seesShares,
  type Participation,
} from "./rules.ts";

/** A share as one viewer sees it. */
export interface Share {
  readonly id: string;
  readonly rowId: number;
  readonly streamId: string;
  readonly communityId: string;
  readonly state: ShareState;
  readonly sharedAt: string;
  /** Null to other tenants. */
  readonly sharedById: string | null;
}

/** An own share with the caller's role in its community; null where the caller does not take part. */
interface OwnShare extends Share {
  readonly myRole: string | null;
}

const columns = {
  id: "h.uuid",
  rowId: "h.id",
  streamId: "s.uuid",
  communityId: "c.uuid",
  sharedAt: "h.shared_at",
};

const byTime: Order = {
  by: [
    { sql: "h.shared_at", type: "timestamptz" },
    { sql: "h.uuid", type: "uuid" },
  ],
};

/** The place of a tenant in a community. Binds the community's id and the tenant's row. */
export const membershipIn = `
  select m.id from community.published_communities c
  join community.published_memberships m on m.community_id = c.id
  where c.uuid = ? and m.tenant_id = ?`;

/** T4, S8: whether a share `h` is in a community that an own identity, of this row, leads. */
export const isLed = (identity: string) => `
  exists (select from community.published_members me
          where me.membership_id = h.membership_id and me.identity_id = ${identity} and me.role <> 'MEMBER')`;

/** T4: whether a share `h` of the own tenant is the caller's to oversee. Binds what `overseer` answers. */
export const isOverseen = `(? or ${isLed("?")})`;

export const overseer = (caller: Caller): Knex.RawBinding[] => [
  hasRole(caller, "ACCOUNT_ADMINISTRATOR", "DATA_STEWARD"),
  caller.rowId,
];

export interface TenantSharesArgs extends PageArgs {
  communityId?: string | null;
}

const inStreams = (index: number) => `input.streamIds.${index}`;

/** Shares as one viewer sees them: those that let it in, and those of its own tenant that T4 and S8 show it. */
export class ShareStore {
  private readonly callers: CallerStore;
  private readonly streams: StreamStore;
  private readonly ownByStream: NestedList<Share, PageArgs, string>;
  private readonly openByStream: NestedList<Share, PageArgs, string>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.callers = new CallerStore(db, viewer);
    this.streams = new StreamStore(db, viewer);
    this.ownByStream = new NestedList(db, {
      name: "shares",
      order: byTime,
      parents: (streamIds) =>
        db.raw(
          `(select o.*, o.uuid as key from stream.accountable(?) o where o.uuid = any (?::uuid[])) as parent`,
          [viewer.identityId, [...streamIds]],
        ),
      parentId: "h.stream_id",
      rows: (_args, page) =>
        this.ownShares(page, (shares) => {
          void shares.whereRaw(
            `h.tenant_id = parent.tenant_id and h.stream_id = parent.id
             and (parent.is_whole or ${isLed("parent.identity_id")})`,
          );
        }),
      isPrepared: true,
    });
    this.openByStream = new NestedList(db, {
      name: "sharedThrough",
      order: byTime,
      parents: (streamIds) =>
        db.raw(
          `(select s.tenant_id, s.id, s.uuid as key from stream.streams s where s.uuid = any (?::uuid[])) as parent`,
          [[...streamIds]],
        ),
      parentId: "v.stream_id",
      rows: () =>
        this.visible().whereRaw(
          "v.tenant_id = parent.tenant_id and not v.is_own",
        ),
      isPrepared: true,
    });
  }

  async find(id: string): Promise<Share | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  /** T4, S8: null unless the viewer is named there for this stream or for a community that it leads. */
  async ofStream(
    stream: Stream,
    args: PageArgs,
  ): Promise<Connection<Share> | null> {
    if (!stream.isOwn) return null;
    const sees =
      includes(stream.rights, "SHARE") || seesShares(await this.callers.get());
    return sees ? this.ownByStream.page(stream.id, args) : null;
  }

  /** T4: the own tenant's shares, in one community or in all; null unless the viewer is named there. */
  async ofTenant(
    tenantId: string,
    { communityId, ...args }: TenantSharesArgs,
  ): Promise<Connection<Share> | null> {
    const caller = await this.callers.find();
    if (caller?.tenantId !== tenantId || !seesShares(caller)) return null;
    const page = new Page(args, ["Tenant.shares", communityId ?? null], byTime);
    const listed = (limit?: Page) =>
      this.ownShares(limit, (shares) => {
        void shares.whereRaw(`h.tenant_id = ? and ${isOverseen}`, [
          caller.tenantRowId,
          ...overseer(caller),
        ]);
        if (communityId != null)
          void shares.whereRaw(`h.membership_id = (${membershipIn})`, [
            isUuid(communityId) ? communityId : null,
            caller.tenantRowId,
          ]);
      });
    const rows = await prepared<Share & { position: string[] }>(
      this.db,
      page.select(listed(page)),
    );
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(listed().as("listed")),
      );
      return row?.count ?? 0;
    });
  }

  /** The viewer's ways in; none for an own stream, which is read by its access list. */
  throughWhich(stream: Stream, args: PageArgs): Promise<Connection<Share>> {
    return this.openByStream.page(stream.id, args);
  }

  /** How many streams a membership shares; null to those who do not see its community (C2). */
  async countOfMembership(membershipId: string): Promise<number | null> {
    return isUuid(membershipId) ? this.counts.load(membershipId) : null;
  }

  /** S4: what may be shared where, or the refusal. */
  async requireSharing(
    streamIds: readonly string[],
    communityIds: readonly string[],
  ): Promise<{ streams: Stream[]; participations: Participation[] }> {
    assertPairs(streamIds, communityIds);
    const streams = await this.streams.require("SHARE", streamIds, inStreams);
    const participations = await this.participations(communityIds);
    assertMayShareIn(participations, await this.callers.get());
    return { streams, participations };
  }

  /** S4, S5: the shares of these streams that are to end, in these communities or in all; or the refusal. */
  async requireEnding(
    streamIds: readonly string[],
    communityIds: readonly string[] | null,
  ): Promise<Share[]> {
    assertPairs(streamIds, communityIds);
    const streams = await this.streams.getAll(streamIds, inStreams);
    const caller = await this.callers.get();
    const named = communityIds && (await this.participations(communityIds));
    const shares = await this.own(streams, named);
    const rolesWhereShared = new Map<string, (string | null)[]>();
    for (const { streamId, myRole } of shares)
      rolesWhereShared.set(streamId, [
        ...(rolesWhereShared.get(streamId) ?? []),
        myRole,
      ]);
    for (const stream of streams)
      assertMayEnd(
        caller,
        stream,
        named?.map(({ role }) => role) ?? rolesWhereShared.get(stream.id) ?? [],
      );
    return shares;
  }

  /** Holds the own memberships and the caller's roles in these communities as they are until the transaction ends. */
  async lockParticipations(communityIds: readonly string[]): Promise<void> {
    await this.db.raw(
      "select from community.lock_participation(?, ?::uuid[])",
      [this.viewer.identityId, communityIds.filter(isUuid)],
    );
  }

  /** Where own streams are shared, as far as the viewer sees it. */
  async communitiesOf(streamIds: readonly string[]): Promise<string[]> {
    const shares = await prepared<Share>(
      this.db,
      this.visible().whereRaw("v.is_own and s.uuid = any (?::uuid[])", [
        streamIds.filter(isUuid),
      ]),
    );
    return [...new Set(shares.map(({ communityId }) => communityId))];
  }

  /** Shares each stream through each membership; answers the ids of those shares that were not there before. */
  async add(
    streams: readonly Stream[],
    participations: readonly Participation[],
    { tenantRowId, id }: Caller,
  ): Promise<Set<string>> {
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
       select s.tenant_id, s.id, m.id, ?, m.community_id, s.uuid, s.name
       from stream.streams s
       join community.published_memberships m on m.tenant_id = s.tenant_id
       where s.tenant_id = ? and s.id = any (?::int[]) and m.id = any (?::int[])
       order by s.id, m.id
       on conflict on constraint shares_once do nothing
       returning uuid as id`,
      [
        id,
        tenantRowId,
        streams.map(({ rowId }) => rowId),
        participations.map(({ membershipRowId }) => membershipRowId),
      ],
    );
    return new Set(rows.map((row) => row.id));
  }

  /** The viewer's own shares of streams, in these communities or in all; by stream, then community, as they are given. */
  async own(
    streams: readonly Stream[],
    among: readonly Participation[] | null,
  ): Promise<OwnShare[]> {
    const query = this.visible()
      .select("me.role as myRole")
      .joinRaw(
        "left join stream.participations(?) me on me.membership_id = h.membership_id",
        [this.viewer.identityId],
      )
      .whereRaw("v.is_own and v.stream_id = any (?::int[])", [
        streams.map(({ rowId }) => rowId),
      ])
      .orderByRaw("array_position(?::int[], v.stream_id)", [
        streams.map(({ rowId }) => rowId),
      ]);
    if (among !== null) {
      const memberships = among.map(({ membershipRowId }) => membershipRowId);
      void query
        .whereRaw("h.membership_id = any (?::int[])", [memberships])
        .orderByRaw("array_position(?::int[], h.membership_id)", [memberships]);
    }
    return prepared<OwnShare>(this.db, query);
  }

  /** Every share of own streams, whether or not the viewer sees it. */
  ofStreams(streams: readonly Stream[]): Promise<Share[]> {
    return prepared<Share>(
      this.db,
      this.ownShares(undefined, (shares) => {
        void shares.whereRaw(
          "(h.tenant_id, h.stream_id) in (select * from unnest(?::int[], ?::int[]))",
          [
            streams.map(({ tenantRowId }) => tenantRowId),
            streams.map(({ rowId }) => rowId),
          ],
        );
      }),
    );
  }

  async remove(
    { tenantRowId }: Caller,
    shares: readonly Share[],
  ): Promise<void> {
    await this.db.raw(
      "delete from stream.shares where tenant_id = ? and id = any (?::int[])",
      [tenantRowId, shares.map(({ rowId }) => rowId)],
    );
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Share>(
        this.db,
        this.visible().whereRaw("v.uuid = any (?::uuid[])", [[...ids]]),
      );
      return inKeyOrder(ids, rows, (share) => share.id);
    },
    // Nothing is remembered: a mutation may change what the request's next field reads.
    { cache: false },
  );

  private readonly counts = new DataLoader(
    async (membershipIds: readonly string[]) => {
      const { rows } = await this.db.raw<{
        rows: { id: string; count: number }[];
      }>(
        `select m.uuid as id, (select count(*) from stream.shares h
                               where h.tenant_id = m.tenant_id and h.membership_id = m.id) as count
         from community.published_memberships m
         where m.uuid = any (?::uuid[])
           and exists (select from stream.caller(?) c
                       join community.published_memberships own
                         on own.tenant_id = c.tenant_id and own.community_id = m.community_id
                       where 'ACCOUNT_ADMINISTRATOR' = any (c.roles)
                         or exists (select from community.published_members me
                                    where me.membership_id = own.id and me.identity_id = c.id))`,
        [[...membershipIds], this.viewer.identityId],
      );
      return inKeyOrder(membershipIds, rows, (row) => row.id).map(
        (row) => row?.count ?? null,
      );
    },
    { cache: false },
  );

  /** The own tenant's places in these communities; NOT_FOUND for the first that the caller does not see (C2). */
  private async participations(
    communityIds: readonly string[],
  ): Promise<Participation[]> {
    const rows = await prepared<Participation>(
      this.db,
      this.db.raw(
        `select co.uuid as "communityId", m.id as "membershipRowId", me.role
         from stream.caller(?) c
         join community.published_memberships m on m.tenant_id = c.tenant_id
         join community.published_communities co on co.id = m.community_id
         left join community.published_members me on me.membership_id = m.id and me.identity_id = c.id
         where co.uuid = any (?::uuid[]) and (me.role is not null or 'ACCOUNT_ADMINISTRATOR' = any (c.roles))`,
        [this.viewer.identityId, communityIds.filter(isUuid)],
      ),
    );
    const found = inKeyOrder(communityIds, rows, (row) => row.communityId);
    return [...new Set(found)].map((participation) => {
      if (participation === null)
        throw notFound(`input.communityIds.${found.indexOf(null)}`);
      return participation;
    });
  }

  private visible(): Knex.QueryBuilder {
    return this.select(
      this.db.raw("stream.visible_shares(?)", [this.viewer.identityId]),
    );
  }

  /** Limited to a page, where one is wanted, before anything is joined. */
  private ownShares(
    page: Page | undefined,
    narrow: (shares: Knex.QueryBuilder) => void,
  ): Knex.QueryBuilder {
    const shares = this.db
      .select("h.tenant_id", "h.id", this.db.raw("true as is_own"))
      .from("stream.shares as h")
      .modify(narrow);
    return this.select(this.db.raw("?", [page ? page.select(shares) : shares]));
  }

  private select(shares: Knex.Raw): Knex.QueryBuilder {
    return this.db
      .select(columns)
      .select(
        this.db.raw(
          `case when exists (select from stream.sharers s where s.membership_id = h.membership_id)
                then 'ACTIVE' else 'PAUSED' end as state`,
        ),
        this.db.raw('case when v.is_own then h.shared_by end as "sharedById"'),
      )
      .from(this.db.raw("? v", [shares]))
      .joinRaw(
        // By its key (the offset sees to it): by stream, PostgreSQL would look through all shares of each.
        `cross join lateral (
           select * from stream.shares h where h.tenant_id = v.tenant_id and h.id = v.id offset 0) h
         join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
         join community.published_memberships m on m.id = h.membership_id
         join community.published_communities c on c.id = m.community_id`,
      );
  }
}
