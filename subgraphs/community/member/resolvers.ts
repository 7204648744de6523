import { asksForEnded } from "../access-change/asked.ts";
import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { removeCommunityMembers, setCommunityRoles } from "./actions.ts";

export const resolvers = {
  Mutation: {
    setCommunityRoles: (_, { input }, context) =>
      setCommunityRoles(input, context),
    removeCommunityMembers: (_, { input }, context, info) =>
      removeCommunityMembers(
        { ...input, isEndedAsked: asksForEnded(info) },
        context,
      ),
  },
  CommunityMember: {
    identity: ({ identityId }) => ({ id: identityId }),
    addedBy: ({ addedBy }) => (addedBy === null ? null : { id: addedBy }),
  },
} satisfies Resolvers<CommunityContext>;
