import type { TenantContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import {
  createClient,
  createUser,
  removeIdentity,
  setClientEnabled,
  setClientRoles,
  setUserRoles,
} from "./actions.ts";

export const resolvers = {
  Query: {
    viewer: async (_parent, _args, { viewer, identities, tenants }) => {
      const { identityId } = viewer;
      const identity = identityId && (await identities.find(identityId));
      if (!identity) return null;
      const { id, roles } = identity;
      return { id, roles, identity, tenant: () => tenants.own(id) };
    },
  },
  Mutation: {
    createUser: (_, { input }, context) => createUser(input, context),
    setUserRoles: (_, { input }, context) => setUserRoles(input, context),
    removeUser: (_, { id }, context) => removeIdentity("USER", id, context),
    createClient: (_, { input }, context) => createClient(input, context),
    setClientRoles: (_, { input }, context) => setClientRoles(input, context),
    setClientEnabled: (_, args, context) => setClientEnabled(args, context),
    removeClient: (_, { id }, context) => removeIdentity("CLIENT", id, context),
  },
  Identity: {
    __resolveReference: ({ id }, { identities }) => identities.find(id),
  },
  User: {
    __resolveReference: ({ id }, { identities }) => identities.findUser(id),
    tenant: ({ seenBy }, _args, { tenants }) => tenants.own(seenBy),
  },
  Client: {
    __resolveReference: ({ id }, { identities }) => identities.findClient(id),
    tenant: ({ seenBy }, _args, { tenants }) => tenants.own(seenBy),
  },
} satisfies Resolvers<TenantContext>;
