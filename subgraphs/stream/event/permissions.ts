import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type {
  MutationRemoveEventsArgs,
  MutationWriteEventsArgs,
} from "../generated.ts";
import { placeInInput, streamIdsOf } from "./columns.ts";

const writesStreams = can<MutationWriteEventsArgs, StreamContext>(
  "write events to these streams",
  async (_viewer, { input }, { streams }) =>
    Boolean(
      await streams.requireNamed("WRITE", streamIdsOf(input), placeInInput),
    ),
);

const deletesFromStreams = can<MutationRemoveEventsArgs, StreamContext>(
  "remove events of these streams",
  async (_viewer, { input }, { streams }) =>
    Boolean(
      await streams.requireNamed("DELETE", streamIdsOf(input), placeInInput),
    ),
);

export const permissions = {
  Query: {
    streamEvents: signedIn, // S2, S6
    streamSummaries: signedIn, // S2, S6
    streamJoin: signedIn, // S2, S6
    streamLast: signedIn, // S2, S6
    trend: signedIn, // S2, S6
  },
  Mutation: {
    writeEvents: writesStreams, // S1
    removeEvents: deletesFromStreams, // S1
  },
  Event: guardedByStore, // S2, S6
  EventTable: guardedByStore,
  LastEvents: guardedByStore,
  Column: guardedByStore,
  Downloads: guardedByStore,
  TrendLine: guardedByStore,
  WriteResult: guardedByStore,
} satisfies PermissionMap;
