import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import {
  acceptOwnership,
  declineOwnership,
  offerOwnership,
  withdrawOwnershipOffer,
} from "./actions.ts";

export const resolvers = {
  Mutation: {
    offerOwnership: (_, args, context) => offerOwnership(args, context),
    withdrawOwnershipOffer: (_, args, context) =>
      withdrawOwnershipOffer(args, context),
    acceptOwnership: (_, args, context) => acceptOwnership(args, context),
    declineOwnership: (_, args, context) => declineOwnership(args, context),
  },
  Community: {
    ownershipOffer: (community, _, { ownership }) => ownership.find(community),
  },
  OwnershipOffer: {
    tenant: ({ tenantId }) => ({ id: tenantId }),
  },
} satisfies Resolvers<CommunityContext>;
