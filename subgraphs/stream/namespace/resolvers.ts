import { notFound } from "../../../common/errors.ts";
import { includes } from "../access/rights.ts";
import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { createNamespace, setNamespaceAccess } from "./actions.ts";

export const resolvers = {
  Query: {
    namespace: async (_, { id }, { namespaces }) => {
      const namespace = await namespaces.find(id);
      if (namespace === null) throw notFound("id");
      return namespace;
    },
  },
  Mutation: {
    createNamespace: (_, { input }, context) => createNamespace(input, context),
    setNamespaceAccess: (_, { input }, context) =>
      setNamespaceAccess(input, context),
  },
  Tenant: {
    __resolveReference: ({ id }) => ({ id }),
    namespaces: async ({ id }, args, { callers, namespaces }) =>
      (await callers.find())?.tenantId === id ? namespaces.list(args) : null,
  },
  Namespace: {
    tenant: ({ tenantId }) => ({ id: tenantId }),
    access: ({ accessListId, rights }, _, { access }) =>
      includes(rights, "MANAGE_ACCESS_CONTROL")
        ? access.entriesOfList(accessListId)
        : null,
    streamTypes: (namespace, args, { streamTypes }) =>
      streamTypes.ofNamespace(namespace, args),
  },
} satisfies Resolvers<StreamContext>;
