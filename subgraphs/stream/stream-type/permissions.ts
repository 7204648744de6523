import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type { MutationCreateStreamTypeArgs } from "../generated.ts";

const writesInNamespace = can<MutationCreateStreamTypeArgs, StreamContext>(
  "create stream types in this namespace",
  async (_viewer, { input: { namespaceId } }, { namespaces }) =>
    Boolean(await namespaces.getWritable(namespaceId, "input.namespaceId")),
);

export const permissions = {
  Query: {
    streamType: signedIn, // T2, S6
  },
  Mutation: {
    createStreamType: writesInNamespace, // S1
  },
  StreamType: guardedByStore, // T2, S6
  StreamTypeConnection: guardedByStore,
  StreamTypeEdge: guardedByStore,
  Property: guardedByStore,
} satisfies PermissionMap;
