import { notFound } from "../../../common/errors.ts";
import type { TenantContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { signUpTenant, updateTenant } from "./actions.ts";

export const resolvers = {
  Query: {
    tenant: async (_, { id }, { tenants }) => {
      const tenant = await tenants.find(id);
      if (tenant === null) throw notFound("id");
      return tenant;
    },
  },
  Mutation: {
    signUpTenant: (_, { input }, context) => signUpTenant(input, context),
    updateTenant: (_, { input }, context) => updateTenant(input, context),
  },
  Tenant: {
    __resolveReference: ({ id }, { tenants }) => tenants.find(id),
    users: (tenant, args, { identities }) => identities.users(tenant, args),
    clients: (tenant, args, { identities }) => identities.clients(tenant, args),
  },
} satisfies Resolvers<TenantContext>;
