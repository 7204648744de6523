import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";

export const resolvers = {
  Stream: {
    readers: (stream, args, { readers }) => readers.ofStream(stream, args),
  },
  Tenant: {
    access: ({ id }, args, { tenantAccess }) => tenantAccess.ofTenant(id, args),
  },
  TenantAccess: {
    given: (access, args, { tenantAccess }) => tenantAccess.given(access, args),
    received: (access, args, { received }) => received.list(access, args),
  },
  Access: {
    share: ({ shareId }, _, { shares }) => shares.find(shareId),
    tenant: ({ tenantId }) => ({ id: tenantId }),
  },
  Reader: {
    tenant: ({ tenantId }) => ({ id: tenantId }),
    share: ({ shareId }, _, { shares }) =>
      shareId === null ? null : shares.find(shareId),
    community: ({ communityId }) =>
      communityId === null ? null : { id: communityId },
  },
} satisfies Resolvers<StreamContext>;
