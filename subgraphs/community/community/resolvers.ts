import { asksForEnded } from "../access-change/asked.ts";
import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import {
  createCommunity,
  deleteCommunity,
  updateCommunity,
} from "./actions.ts";
import { rightsOf } from "./rights.ts";

export const resolvers = {
  Query: {
    viewer: (_, __, { viewer }) => (viewer.identityId === null ? null : {}),
    community: (_, { id }, { communities }) => communities.get(id, "id"),
    communities: (_, args, { communities }) => communities.list(args),
  },
  Mutation: {
    createCommunity: (_, { input }, context) => createCommunity(input, context),
    updateCommunity: (_, { input }, context) => updateCommunity(input, context),
    deleteCommunity: (_, args, context, info) =>
      deleteCommunity({ ...args, isEndedAsked: asksForEnded(info) }, context),
  },
  Viewer: {
    communities: (_, args, { communities }) => communities.list(args),
  },
  Community: {
    __resolveReference: ({ id }, { communities }) => communities.find(id),
    myRights: (community) => rightsOf(community),
    ownerTenant: ({ ownerTenantId }) => ({ id: ownerTenantId }),
    memberships: (community, args, { memberships }) =>
      memberships.list(community, args),
    membership: ({ id, myTenantId }, { tenantId }, { memberships }) =>
      memberships.getOf(id, tenantId ?? myTenantId, "tenantId"),
  },
} satisfies Resolvers<CommunityContext>;
