import type { TenantContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { removeClientSecret, rotateClientSecret } from "./actions.ts";

export const resolvers = {
  Mutation: {
    rotateClientSecret: (_, { input }, context) =>
      rotateClientSecret(input, context),
    removeClientSecret: (_, { id }, context) => removeClientSecret(id, context),
  },
  Client: {
    secrets: (client, _args, { secrets }) => secrets.of(client),
  },
} satisfies Resolvers<TenantContext>;
