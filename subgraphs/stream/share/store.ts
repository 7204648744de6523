import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
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
import { hasRole, type Caller } from "../access/caller.ts";
import { includes } from "../access/rights.ts";
import type { Stream } from "../stream/store.ts";
import { ownShares, visibleShares, type Share } from "./rows-store.ts";
import { seesShares } from "./rules.ts";

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

/** Shares as one viewer sees them: those that let it in, and those of its own tenant that T4 and S8 show it. */
export class ShareStore {
  private readonly callers: CallerStore;
  private readonly ownByStream: NestedList<Share, PageArgs, string>;
  private readonly openByStream: NestedList<Share, PageArgs, string>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.callers = new CallerStore(db, viewer);
    this.ownByStream = new NestedList(db, {
      name: "shares",
      order: byTime,
      parents: (streamIds) =>
        new Sql(
          `(select o.*, o.uuid as key from stream.accountable(?) o where o.uuid = any (?::uuid[])) as parent`,
          [viewer.identityId, [...streamIds]],
        ),
      parentId: "h.stream_id",
      rows: (_args, page) =>
        ownShares(this.db, page, (shares) => {
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
        new Sql(
          `(select s.tenant_id, s.id, s.uuid as key from stream.streams s where s.uuid = any (?::uuid[])) as parent`,
          [[...streamIds]],
        ),
      parentId: "v.stream_id",
      rows: () =>
        visibleShares(this.db, this.viewer).whereRaw(
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
      ownShares(this.db, limit, (shares) => {
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

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Share>(
        this.db,
        visibleShares(this.db, this.viewer).whereRaw(
          "v.uuid = any (?::uuid[])",
          [[...ids]],
        ),
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
}
