import type { Knex } from "../../../common/database.ts";
import { NestedList } from "../../../common/nested-list.ts";
import type { Connection, Order, PageArgs } from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
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

/** As they joined. */
const byDate: Order = { by: [{ sql: "w.waiting_id", type: "int" }] };

/** Rule 17: the new tenants that do not read what a membership shares, for those who see the community through it. */
export class ApprovalStore {
  private readonly ofMembership: NestedList<TenantReference, WaitingListArgs>;

  constructor(
    private readonly db: Knex,
    viewer: Viewer,
  ) {
    this.ofMembership = new NestedList(db, {
      name: "waitingTenants",
      order: byDate,
      parentId: "w.sharing_id",
      parents: (ids) =>
        new Sql(
          `(select me.membership_id as id, me.membership_id as key
            from ${participation("mine.id = any (?::int[])")} me) as parent`,
          [viewer.identityId, [...ids]],
        ),
      rows: ({ areRefused }) =>
        db("community.waiting_tenants as w")
          .select(
            db.raw(
              `(select t.uuid from community.memberships m
                join tenant.published_tenants t on t.id = m.tenant_id
                where m.id = w.waiting_id) as id`,
            ),
          )
          .where("w.state", areRefused ? "REFUSED" : "WAITING"),
    });
  }

  list(
    membership: Membership,
    args: WaitingListArgs,
  ): Promise<Connection<TenantReference> | null> {
    return this.ofMembership.find(membership.rowId, args);
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
}
