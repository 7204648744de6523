import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { Community } from "../community/store.ts";
import type { CommunityMember } from "../member/store.ts";

/** Who loses access, and to what; of each list the first 100. An identity of another tenant is null. */
interface EndedAccess {
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

/** A change of access that was made, and what it ended. */
export interface AccessChange extends EndedAccess {
  readonly communityId: string;
  readonly myTenantId: string;
  readonly members: readonly CommunityMember[];
}

/** What a change is going to end: what is shared through memberships, and what identities read. */
export interface Ending {
  readonly sharingOf?: readonly number[];
  readonly readingOf?: readonly number[];
}

/** A change that takes nothing from anybody. */
export const nothingEnds = ({ id, myTenantId }: Community): AccessChange => ({
  communityId: id,
  myTenantId,
  members: [],
  tenantCount: 0,
  identityCount: 0,
  shareCount: 0,
  streamCount: 0,
  stillReadableCount: 0,
  tenantIds: [],
  identityIds: [],
  streamIds: [],
  stillReadableIds: [],
});

export class AccessChangeStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** Asked in the changing transaction, before the change: what is about to end is still there to be counted. */
  async foresee(
    { id, myTenantId, rowId }: Community,
    { sharingOf = [], readingOf = [] }: Ending,
  ): Promise<AccessChange> {
    const { rows } = await this.db.raw<{ rows: [EndedAccess] }>(
      `select tenant_count as "tenantCount", identity_count as "identityCount", share_count as "shareCount",
              stream_count as "streamCount", still_readable_count as "stillReadableCount", tenants as "tenantIds",
              identities as "identityIds", streams as "streamIds", still_readable as "stillReadableIds"
       from stream.ended_access(?, ?, ?::int[], ?::int[])`,
      [this.viewer.identityId, rowId, [...sharingOf], [...readingOf]],
    );
    return { ...rows[0], communityId: id, myTenantId, members: [] };
  }

  /** T3: each of the tenants if the viewer sees it still, or null. */
  async seenTenants(ids: readonly string[]): Promise<(string | null)[]> {
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `select t.uuid as id
       from tenant.published_tenants t
       where t.uuid = any (?::uuid[])
         and (t.id in (select m.tenant_id from community.met_tenants(?) m)
           or t.id = (select i.tenant_id from tenant.published_identities i where i.uuid = ? and i.enabled))`,
      [[...ids], this.viewer.identityId, this.viewer.identityId],
    );
    return orNull(ids, rows);
  }

  /** Each of the streams if the viewer sees it still, or null. */
  async seenStreams(ids: readonly string[]): Promise<(string | null)[]> {
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      "select seen.id from stream.seen_streams(?, ?::uuid[]) as seen(id)",
      [this.viewer.identityId, [...ids]],
    );
    return orNull(ids, rows);
  }
}

const orNull = (ids: readonly string[], seen: readonly { id: string }[]) =>
  inKeyOrder(ids, seen, ({ id }) => id).map((row) => row?.id ?? null);
