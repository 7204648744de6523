import {
  can,
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type {
  MutationShareStreamsArgs,
  MutationUnshareStreamsArgs,
} from "../generated.ts";

const sharesStreams = can<MutationShareStreamsArgs, StreamContext>(
  "share these streams there",
  async (_viewer, { input: { streamIds, communityIds } }, { shareChanges }) =>
    Boolean(await shareChanges.requireSharing(streamIds, communityIds)),
);

const endsShares = can<MutationUnshareStreamsArgs, StreamContext>(
  "end these shares",
  async (_viewer, { input: { streamIds, communityIds } }, { shareChanges }) =>
    Boolean(await shareChanges.requireEnding(streamIds, communityIds ?? null)),
);

export const permissions = {
  Mutation: {
    shareStreams: sharesStreams, // S4
    unshareStreams: endsShares, // S4, S5
  },
  Share: guardedByStore, // S6, T4, S8
  ShareConnection: guardedByStore,
  ShareEdge: guardedByStore,
  Membership: guardedByStore, // C2
  ReadersChange: guardedByStore,
} satisfies PermissionMap;
