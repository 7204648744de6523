import { sentence } from "../../../notices/sentence.ts";
import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";

export const resolvers = {
  Viewer: {
    notices: (_, args, { notices }) => notices.list(args),
  },
  Notice: {
    text: (notice) => sentence(notice),
    community: ({ communityId }, _, { communities }) =>
      communityId === null ? null : communities.find(communityId),
    tenant: async ({ tenantId }, _, { notices }) => {
      const id = tenantId === null ? null : await notices.seenTenant(tenantId);
      return id === null ? null : { id };
    },
    identity: ({ identityId }) =>
      identityId === null ? null : { id: identityId },
  },
} satisfies Resolvers<CommunityContext>;
