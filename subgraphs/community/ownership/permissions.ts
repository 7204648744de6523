import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import { holds } from "../community/permissions.ts";

const communityId = (args: { communityId: string }) => args.communityId;

const offersOwnership = holds("OFFER_OWNERSHIP", communityId, "communityId");
const answersOffers = holds("ACCEPT_OWNERSHIP", communityId, "communityId");

export const permissions = {
  Mutation: {
    offerOwnership: offersOwnership, // C15
    withdrawOwnershipOffer: offersOwnership, // C15
    acceptOwnership: answersOffers, // C15
    declineOwnership: answersOffers, // C15
  },
  OwnershipOffer: guardedByStore,
} satisfies PermissionMap;
