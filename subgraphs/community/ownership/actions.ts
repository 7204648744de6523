import { conflict } from "../../../common/errors.ts";
import type { RightName } from "../community/rights.ts";
import type { Community } from "../community/store.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  MutationAcceptOwnershipArgs,
  MutationDeclineOwnershipArgs,
  MutationOfferOwnershipArgs,
  MutationWithdrawOwnershipOfferArgs,
} from "../generated.ts";
import { leaders } from "./leaders.ts";

export const offerOwnership = (
  { communityId, tenantId }: MutationOfferOwnershipArgs,
  context: CommunityContext,
): Promise<Community> =>
  change("OFFER_OWNERSHIP", communityId, context, async (community, unit) => {
    const membership = await unit.memberships.getOf(
      communityId,
      tenantId,
      "tenantId",
    );
    if (membership.isOwner)
      throw conflict("This tenant owns the community already.", "tenantId");
    if (await unit.ownership.find(community))
      throw conflict(
        "Ownership is offered already. Withdraw that offer first.",
        "communityId",
      );
    await unit.ownership.add(community, membership);
    const both = [community.ownerTenantId, tenantId];
    await unit.record("offerOwnership", [
      {
        ...subject(communityId),
        tenantIds: both,
        after: { offeredToTenantId: tenantId },
      },
    ]);
    await unit.notify([
      {
        kind: "OWNERSHIP_OFFERED",
        communityId,
        tenantId,
        audience: leadersOf(both),
      },
    ]);
  });

/** Until the transfer takes effect, accepted or not. */
export const withdrawOwnershipOffer = (
  { communityId }: MutationWithdrawOwnershipOfferArgs,
  context: CommunityContext,
): Promise<Community> =>
  change("OFFER_OWNERSHIP", communityId, context, async (community, unit) => {
    await end("withdrawOwnershipOffer", community, unit);
  });

export const acceptOwnership = (
  { communityId }: MutationAcceptOwnershipArgs,
  context: CommunityContext,
): Promise<Community> =>
  change("ACCEPT_OWNERSHIP", communityId, context, async (community, unit) => {
    const offer = await unit.ownership.get(community);
    if (offer.acceptedAt !== null)
      throw conflict(
        `Your tenant has accepted already; it owns the community from ${offer.effectiveAt} on.`,
        "communityId",
      );
    if (!community.isEntitled)
      throw conflict(
        "Your tenant is not entitled to use communities. Ask the operator of this installation.",
        "communityId",
      );
    const effectiveAt = await unit.ownership.accept(
      community,
      context.settings.ownershipDelayHours,
    );
    await unit.record("acceptOwnership", [
      {
        ...subject(communityId),
        tenantIds: null,
        before: { offeredToTenantId: offer.tenantId },
        after: { offeredToTenantId: offer.tenantId, effectiveAt },
      },
    ]);
    await unit.notify([
      {
        kind: "OWNERSHIP_ANNOUNCED",
        communityId,
        tenantId: offer.tenantId,
        dueAt: effectiveAt,
        audience: leaders,
      },
    ]);
  });

/** Until the transfer takes effect, so that an acceptance can be taken back as well. */
export const declineOwnership = (
  { communityId }: MutationDeclineOwnershipArgs,
  context: CommunityContext,
): Promise<Community> =>
  change("ACCEPT_OWNERSHIP", communityId, context, async (community, unit) => {
    await end("declineOwnership", community, unit);
  });

async function change(
  right: RightName,
  communityId: string,
  { communities, inTransaction }: CommunityContext,
  make: (community: Community, unit: UnitOfWork) => Promise<void>,
): Promise<Community> {
  await inTransaction(async (unit) => {
    await unit.communities.lock(communityId);
    await unit.members.lockIdentities([]);
    const community = await unit.communities.require(
      right,
      communityId,
      "communityId",
    );
    await make(community, unit);
  });
  return communities.get(communityId);
}

/** Whoever was told of an offer is told of its end: both sides, or all once it was announced. */
async function end(
  action: string,
  community: Community,
  { ownership, record, notify }: UnitOfWork,
): Promise<void> {
  const { tenantId, effectiveAt } = await ownership.get(community);
  await ownership.remove(community);
  const both = [community.ownerTenantId, tenantId];
  const isAnnounced = effectiveAt !== null;
  await record(action, [
    {
      ...subject(community.id),
      tenantIds: isAnnounced ? null : both,
      before: { offeredToTenantId: tenantId, effectiveAt },
    },
  ]);
  await notify([
    {
      kind: "OWNERSHIP_OFFER_ENDED",
      communityId: community.id,
      tenantId,
      audience: isAnnounced ? leaders : leadersOf(both),
    },
  ]);
}

const subject = (communityId: string) =>
  ({
    kind: "COMMUNITY",
    subjectType: "Community",
    subjectId: communityId,
    communityId,
  }) as const;

const leadersOf = (tenantIds: readonly string[]) =>
  tenantIds.flatMap((tenantId) =>
    leaders.map((audience) => ({ ...audience, tenantId })),
  );
