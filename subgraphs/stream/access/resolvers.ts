import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { asksForLosses } from "../share/asked.ts";
import { setStreamAccess } from "./actions.ts";
import { rightsIn } from "./rights.ts";

const reference = (id: string | null) => (id === null ? null : { id });

export const resolvers = {
  Mutation: {
    setStreamAccess: (_, { input }, context, info) =>
      setStreamAccess(
        { ...input, areLossesAsked: asksForLosses(info) },
        context,
      ),
  },
  Stream: {
    access: async (stream, _, { access }) =>
      (await access.ofStream(stream))?.entries ?? null,
    owner: async (stream, _, { access }) =>
      reference((await access.ofStream(stream))?.ownerId ?? null),
  },
  AccessEntry: {
    rights: ({ rights }) => rightsIn(rights),
    identity: ({ identityId }) => reference(identityId),
  },
} satisfies Resolvers<StreamContext>;
