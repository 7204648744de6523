import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { CommunityStore, type Community } from "../community/store.ts";
import type { CommunityMember } from "../member/store.ts";
import { MembershipStore, type Membership } from "../membership/store.ts";

/** Who loses access, and to what; of each list the first 100. An identity of another tenant is null. */
export interface EndedAccess {
  readonly tenantCount: number;
  readonly identityCount: number;
  readonly shareCount: number;
  readonly streamCount: number;
  readonly stillReadableCount: number;
  readonly tenantIds: readonly string[];
  readonly identityIds: readonly (string | null)[];
  readonly streamIds: readonly string[];
  readonly stillReadableIds: readonly string[];
}

/** A change as the transaction that makes it knows it. */
export interface MadeChange {
  readonly community: Community;
  readonly ended: EndedAccess;
  readonly members?: readonly CommunityMember[];
}

/** A change of access that was made or foreseen, and what it ends, as its caller sees it afterwards. */
export interface AccessChange {
  readonly applied: boolean;
  readonly communityId: string;
  readonly community: Community | null;
  readonly membership: Membership | null;
  readonly members: readonly CommunityMember[];
  readonly tenantCount: number;
  readonly identityCount: number;
  readonly shareCount: number;
  readonly streamCount: number;
  readonly stillReadableCount: number;
  /** Null stands for what the caller sees no longer. */
  readonly tenantIds: readonly (string | null)[];
  readonly identityIds: readonly (string | null)[];
  readonly streamIds: readonly (string | null)[];
  readonly stillReadableIds: readonly (string | null)[];
}

/** What a change is going to end: what is shared through memberships, and what identities read. */
export interface Ending {
  readonly sharingOf?: readonly number[];
  readonly readingOf?: readonly number[];
}

/** What a change ends that takes nothing from anybody, or of which it is not asked. */
export const nothingEnds: EndedAccess = {
  tenantCount: 0,
  identityCount: 0,
  shareCount: 0,
  streamCount: 0,
  stillReadableCount: 0,
  tenantIds: [],
  identityIds: [],
  streamIds: [],
  stillReadableIds: [],
};

export class AccessChangeStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** Asked in the changing transaction, before the change: what is about to end is still there to be counted. */
  async foresee(
    { rowId }: Community,
    { sharingOf = [], readingOf = [] }: Ending,
  ): Promise<EndedAccess> {
    const { rows } = await this.db.raw<{ rows: [EndedAccess] }>(
      `select tenant_count as "tenantCount", identity_count as "identityCount", share_count as "shareCount",
              stream_count as "streamCount", still_readable_count as "stillReadableCount", tenants as "tenantIds",
              identities as "identityIds", streams as "streamIds", still_readable as "stillReadableIds"
       from stream.ended_access(?, ?, ?::int[], ?::int[])`,
      [this.viewer.identityId, rowId, [...sharingOf], [...readingOf]],
    );
    return rows[0];
  }

  /** How many shares these memberships have, which end with them. */
  async countShares(memberships: readonly number[]): Promise<number> {
    const { rows } = await this.db.raw<{ rows: [{ count: number }] }>(
      "select stream.count_shares(?::int[]) as count",
      [[...memberships]],
    );
    return rows[0].count;
  }

  /** Asked in the changing transaction, after the change: the answer, with what its caller still sees. */
  async told(
    { community: { id, myTenantId }, ended, members = [] }: MadeChange,
    { applied }: { applied: boolean },
  ): Promise<AccessChange> {
    const { db, viewer } = this;
    return {
      ...ended,
      applied,
      communityId: id,
      community: await new CommunityStore(db, viewer).find(id),
      membership: await new MembershipStore(db, viewer).findOf(id, myTenantId),
      members,
      tenantIds: await this.seenTenants(ended.tenantIds),
      streamIds: await this.seenStreams(ended.streamIds),
      stillReadableIds: await this.seenStreams(ended.stillReadableIds),
    };
  }

  /** T3: each of the tenants if the viewer sees it still, or null. */
  async seenTenants(ids: readonly string[]): Promise<(string | null)[]> {
    if (ids.length === 0) return [];
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `select t.uuid as id
       from tenant.published_tenants t
       where t.uuid = any (?::uuid[])
         and (t.id in (
             select m.tenant_id
             from community.met_tenants(?, array(
               select wanted.id from tenant.published_tenants wanted where wanted.uuid = any (?::uuid[]))) m)
           or t.id = (select i.tenant_id from tenant.published_identities i where i.uuid = ? and i.enabled))`,
      [
        [...ids],
        this.viewer.identityId,
        [...ids],
        this.viewer.identityId,
      ] as Knex.RawBinding[],
    );
    return orNull(ids, rows);
  }

  /** Each of the streams if the viewer sees it still, or null. */
  private async seenStreams(
    ids: readonly string[],
  ): Promise<(string | null)[]> {
    if (ids.length === 0) return [];
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      "select seen.id from stream.seen_streams(?, ?::uuid[]) as seen(id)",
      [this.viewer.identityId, [...ids]],
    );
    return orNull(ids, rows);
  }
}

const orNull = (ids: readonly string[], seen: readonly { id: string }[]) =>
  inKeyOrder(ids, seen, ({ id }) => id).map((row) => row?.id ?? null);
