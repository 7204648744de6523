import { notFound } from "../../../common/errors.ts";
import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { createStreamType } from "./actions.ts";

export const resolvers = {
  Query: {
    streamType: async (_, { id }, { streamTypes }) => {
      const type = await streamTypes.find(id);
      if (type === null) throw notFound("id");
      return type;
    },
  },
  Mutation: {
    createStreamType: (_, { input }, context) =>
      createStreamType(input, context),
  },
  StreamType: {
    namespace: ({ namespaceRowId }, _, { namespaces }) =>
      namespaces.findByRow(namespaceRowId),
    properties: (type, _, { streamTypes }) => streamTypes.properties(type),
  },
} satisfies Resolvers<StreamContext>;
