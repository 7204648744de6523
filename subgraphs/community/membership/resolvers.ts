import { asksForEnded } from "../access-change/asked.ts";
import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import {
  leaveCommunity,
  pauseSharing,
  removeTenant,
  resumeSharing,
  updateMembership,
} from "./actions.ts";

export const resolvers = {
  Mutation: {
    removeTenant: (_, args, context, info) =>
      removeTenant({ ...args, isEndedAsked: asksForEnded(info) }, context),
    leaveCommunity: (_, args, context, info) =>
      leaveCommunity({ ...args, isEndedAsked: asksForEnded(info) }, context),
    pauseSharing: (_, args, context, info) =>
      pauseSharing({ ...args, isEndedAsked: asksForEnded(info) }, context),
    resumeSharing: (_, args, context) => resumeSharing(args, context),
    updateMembership: (_, { input }, context) =>
      updateMembership(input, context),
  },
  Membership: {
    __resolveReference: ({ id }, { memberships }) => memberships.find(id),
    community: ({ communityId }, _, { communities }) =>
      communities.get(communityId),
    tenant: ({ tenantId }) => ({ id: tenantId }),
    userCount: async (membership, _, { memberships }) =>
      (await memberships.counts(membership)).users,
    clientCount: async (membership, _, { memberships }) =>
      (await memberships.counts(membership)).clients,
    newTenantsRead: ({ isMine, newTenantsRead }) =>
      isMine ? newTenantsRead : null,
    members: (membership, args, { members }) =>
      membership.isMine && membership.myRole !== null
        ? members.list(membership, args)
        : null,
  },
} satisfies Resolvers<CommunityContext>;
