import type { Knex } from "../../../common/database.ts";
import { NestedList } from "../../../common/nested-list.ts";
import type { Connection, Order, PageArgs } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { participation } from "../community/store.ts";
import type { Membership } from "../membership/store.ts";

/** What is said of a new tenant as long as it does not read. */
export type WaitingState = "WAITING" | "REFUSED";

export interface WaitingListArgs extends PageArgs {
  areRefused: boolean;
}

/** Another tenant, by public id alone. */
interface TenantReference {
  readonly id: string;
}

const byDate: Order = {
  by: [
    { sql: "m.joined_at", type: "timestamptz" },
    { sql: "m.uuid", type: "uuid" },
  ],
};

/** Rule 17: the new tenants that do not read what a membership shares, for those who see the community through it. */
export class ApprovalStore {
  private readonly ofMembership: NestedList<TenantReference, WaitingListArgs>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.ofMembership = new NestedList(db, {
      name: "waitingTenants",
      order: byDate,
      parentId: "w.sharing_id",
      rows: ({ areRefused }) =>
        this.visible().where("w.state", areRefused ? "REFUSED" : "WAITING"),
    });
  }

  list(
    membership: Membership,
    args: WaitingListArgs,
  ): Promise<Connection<TenantReference>> {
    return this.ofMembership.page(membership.rowId, args);
  }

  /** Null for a tenant that reads. */
  async stateOf(
    sharing: Membership,
    newcomer: Membership,
  ): Promise<WaitingState | null> {
    const [row] = (await this.rowsOf(sharing, newcomer).select("state")) as {
      state: WaitingState;
    }[];
    return row?.state ?? null;
  }

  async approve(sharing: Membership, newcomer: Membership): Promise<void> {
    await this.rowsOf(sharing, newcomer).delete();
  }

  async refuse(sharing: Membership, newcomer: Membership): Promise<void> {
    await this.rowsOf(sharing, newcomer).update({ state: "REFUSED" });
  }

  private rowsOf(sharing: Membership, newcomer: Membership): Knex.QueryBuilder {
    return this.db("community.waiting_tenants").where({
      sharing_id: sharing.rowId,
      waiting_id: newcomer.rowId,
    });
  }

  private visible(): Knex.QueryBuilder {
    return this.db("community.waiting_tenants as w")
      .select({ id: "t.uuid" })
      .join("community.memberships as m", "m.id", "w.waiting_id")
      .join("tenant.published_tenants as t", "t.id", "m.tenant_id")
      .joinRaw(`join ${participation} me on me.membership_id = w.sharing_id`, [
        this.viewer.identityId,
      ]);
  }
}
