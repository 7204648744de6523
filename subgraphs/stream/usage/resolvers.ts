import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";

export const resolvers = {
  Stream: {
    reads: (stream, args, { usage }) => usage.ofStream(stream, args),
  },
  Tenant: {
    usage: ({ id }, args, { usage }) => usage.ofTenant(id, args),
  },
  TenantUsage: {
    readsKeptFrom: (_, __, { usage }) => usage.readsKeptFrom(),
    given: (asked, args, { usage }) => usage.given(asked, args),
    received: (asked, args, { usage }) => usage.received(asked, args),
  },
  ReadRecord: {
    tenant: ({ tenantId }) => ({ id: tenantId }),
    share: ({ shareId }, _, { shares }) => shares.find(shareId),
    community: ({ communityId }) =>
      communityId === null ? null : { id: communityId },
  },
  Usage: {
    tenant: ({ tenantId }) => ({ id: tenantId }),
    community: ({ communityId }) =>
      communityId === null ? null : { id: communityId },
  },
} satisfies Resolvers<StreamContext>;
