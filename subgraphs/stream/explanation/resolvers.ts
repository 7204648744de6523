import { notFound } from "../../../common/errors.ts";
import { rightsIn } from "../access/rights.ts";
import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { gatesOf } from "./gates.ts";

export const resolvers = {
  Query: {
    explainAccess: async (_, pair, { explanations }) => {
      const explanation = await explanations.find(pair);
      if (explanation === null) throw notFound("streamId");
      return explanation;
    },
  },
  AccessExplanation: {
    stream: ({ streamId }, _, { streams }) => streams.find(streamId),
    identity: ({ identityId }) => ({ id: identityId }),
    rights: ({ rights }) => rightsIn(rights),
    gates: ({ ownSide, rights }) => gatesOf(ownSide, rights),
  },
} satisfies Resolvers<StreamContext>;
