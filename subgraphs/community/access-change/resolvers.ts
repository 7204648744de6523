import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";

const references = (ids: readonly (string | null)[]) =>
  ids.map((id) => (id === null ? null : { id }));

export const resolvers = {
  AccessChange: {
    tenants: ({ tenantIds }) => references(tenantIds),
    identities: ({ identityIds }) => references(identityIds),
    streams: ({ streamIds }) => references(streamIds),
    stillReadable: ({ stillReadableIds }) => references(stillReadableIds),
  },
} satisfies Resolvers<CommunityContext>;
