import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { conflict } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { rights } from "../community/rights.ts";
import type { Community } from "../community/store.ts";
import type { Membership } from "../membership/store.ts";

/** Ownership of a community on its way to another tenant. */
export interface OwnershipOffer {
  readonly tenantId: string;
  readonly offeredByName: string;
  readonly offeredAt: string;
  readonly acceptedAt: string | null;
  readonly effectiveAt: string | null;
}

/** Ownership on its way, as one viewer sees it. */
export class OwnershipStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** C15: an accepted offer is seen by all; an open one by those who may take it back, and who may answer it. */
  async find(community: Community): Promise<OwnershipOffer | null> {
    const offer = await this.byCommunity.load(community.rowId);
    const isSeen =
      offer?.acceptedAt != null ||
      rights.OFFER_OWNERSHIP.isHeldBy(community) ||
      (offer?.tenantId === community.myTenantId &&
        rights.ACCEPT_OWNERSHIP.isHeldBy(community));
    return isSeen ? offer : null;
  }

  /** Like `find`, for a community of which something is offered. */
  async get(community: Community): Promise<OwnershipOffer> {
    const offer = await this.find(community);
    if (offer === null)
      throw conflict("Ownership is offered to nobody.", "communityId");
    return offer;
  }

  async add(community: Community, to: Membership): Promise<void> {
    await this.db("community.ownership_offers").insert({
      community_id: community.rowId,
      membership_id: to.rowId,
      offered_by: this.viewer.identityId,
    });
  }

  /** Answers when it takes effect. */
  async accept({ rowId }: Community, delayHours: number): Promise<string> {
    const { rows } = await this.db.raw<{ rows: [{ effectiveAt: string }] }>(
      `update community.ownership_offers
       set accepted_by = ?, accepted_at = now(), effective_at = now() + make_interval(hours => ?)
       where community_id = ?
       returning effective_at as "effectiveAt"`,
      [this.viewer.identityId, delayHours, rowId],
    );
    return rows[0].effectiveAt;
  }

  async remove(community: { readonly rowId: number }): Promise<void> {
    await this.db("community.ownership_offers")
      .where({ community_id: community.rowId })
      .delete();
  }

  private readonly byCommunity = new DataLoader(
    async (rowIds: readonly number[]) => {
      const { rows } = await this.db.raw<{
        rows: (OwnershipOffer & { rowId: number })[];
      }>(
        // An offer outlives who made it; it is the owner's then.
        `select o.community_id as "rowId", t.uuid as "tenantId", coalesce(i.name, owner.name) as "offeredByName",
                o.offered_at as "offeredAt", o.accepted_at as "acceptedAt", o.effective_at as "effectiveAt"
         from community.ownership_offers o
         join community.communities c on c.id = o.community_id
         join community.memberships m on m.id = o.membership_id
         join tenant.published_tenants t on t.id = m.tenant_id
         join tenant.published_tenants owner on owner.id = c.owner_tenant_id
         left join tenant.published_identities i on i.uuid = o.offered_by
         where o.community_id = any (?::int[])`,
        [[...rowIds]],
      );
      return inKeyOrder(rowIds, rows, ({ rowId }) => rowId);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );
}
