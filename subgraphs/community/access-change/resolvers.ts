import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";

const reference = (id: string | null) => (id === null ? null : { id });

export const resolvers = {
  AccessChange: {
    applied: () => true,
    community: ({ communityId }, _, { communities }) =>
      communities.find(communityId),
    membership: ({ communityId, myTenantId }, _, { memberships }) =>
      memberships.findOf(communityId, myTenantId),
    tenants: async ({ tenantIds }, _, { accessChanges }) =>
      (await accessChanges.seenTenants(tenantIds)).map(reference),
    identities: ({ identityIds }) => identityIds.map(reference),
    streams: async ({ streamIds }, _, { accessChanges }) =>
      (await accessChanges.seenStreams(streamIds)).map(reference),
    stillReadable: async ({ stillReadableIds }, _, { accessChanges }) =>
      (await accessChanges.seenStreams(stillReadableIds)).map(reference),
  },
} satisfies Resolvers<CommunityContext>;
