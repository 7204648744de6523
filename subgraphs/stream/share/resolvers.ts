import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { shareStreams, unshareStreams } from "./actions.ts";
import { asksForLosses } from "./asked.ts";

export const resolvers = {
  Mutation: {
    shareStreams: (_, { input }, context) => shareStreams(input, context),
    unshareStreams: (_, { input }, context, info) =>
      unshareStreams(
        { ...input, areLossesAsked: asksForLosses(info) },
        context,
      ),
  },
  Stream: {
    shares: (stream, args, { shares }) => shares.ofStream(stream, args),
    sharedThrough: (stream, args, { shares }) =>
      shares.throughWhich(stream, args),
  },
  Tenant: {
    shares: ({ id }, args, { shares }) => shares.ofTenant(id, args),
  },
  Share: {
    __resolveReference: ({ id }, { shares }) => shares.find(id),
    stream: ({ streamId }, _, { streams }) => streams.find(streamId),
    community: ({ communityId }) => ({ id: communityId }),
    sharedBy: ({ sharedById }) => (sharedById ? { id: sharedById } : null),
  },
  Membership: {
    __resolveReference: ({ id }) => ({ id }),
    sharedStreamCount: ({ id }, _, { shares }) => shares.countOfMembership(id),
  },
  ReadersChange: {
    tenants: ({ tenantIds }) => tenantIds.map((id) => ({ id })),
  },
} satisfies Resolvers<StreamContext>;
