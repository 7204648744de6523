import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { isUuid } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { Caller } from "../access/caller.ts";
import { StreamStore, type Stream } from "../stream/store.ts";
import { ownShares, visibleShares, type Share } from "./rows-store.ts";
import {
  assertMayEnd,
  assertMayShareIn,
  assertPairs,
  type Participation,
} from "./rules.ts";

/** An own share with the caller's role in its community; null where the caller does not take part. */
interface OwnShare extends Share {
  readonly myRole: string | null;
}

const inStreams = (index: number) => `input.streamIds.${index}`;

/** What a viewer may share and end, and the doing of it. */
export class ShareChangeStore {
  private readonly callers: CallerStore;
  private readonly streams: StreamStore;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.callers = new CallerStore(db, viewer);
    this.streams = new StreamStore(db, viewer);
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
      visibleShares(this.db, this.viewer).whereRaw(
        "v.is_own and s.uuid = any (?::uuid[])",
        [streamIds.filter(isUuid)],
      ),
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
    const query = visibleShares(this.db, this.viewer)
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
      ownShares(this.db, undefined, (shares) => {
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
}
