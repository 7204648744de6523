import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type {
  MutationCreateStreamArgs,
  MutationDeleteStreamArgs,
  MutationDeleteStreamsArgs,
  MutationUpdateStreamArgs,
  MutationUpdateStreamsArgs,
} from "../generated.ts";
import {
  assertEachOnce,
  placeOf,
  placeOfChange,
  streamIdsOf,
} from "./input.ts";

const writesInNamespace = can<MutationCreateStreamArgs, StreamContext>(
  "create streams in this namespace",
  async (_viewer, { input: { namespaceId } }, { namespaces }) =>
    Boolean(await namespaces.getWritable(namespaceId, "input.namespaceId")),
);

const writesStream = can<MutationUpdateStreamArgs, StreamContext>(
  "edit this stream",
  async (_viewer, { input }, { streams }) =>
    Boolean(await streams.requireChanges([input], () => "input")),
);

const writesStreams = can<MutationUpdateStreamsArgs, StreamContext>(
  "edit these streams",
  async (_viewer, { input }, { streams }) => {
    assertEachOnce(input);
    return Boolean(await streams.requireChanges(input.streams, placeOfChange));
  },
);

const deletesStream = can<MutationDeleteStreamArgs, StreamContext>(
  "delete this stream",
  async (_viewer, { id }, { streams }) =>
    Boolean(await streams.requireOne("DELETE", id, "id")),
);

const deletesStreams = can<MutationDeleteStreamsArgs, StreamContext>(
  "delete these streams",
  async (_viewer, { input }, { streams }) =>
    Boolean(await streams.require("DELETE", streamIdsOf(input), placeOf)),
);

export const permissions = {
  Query: {
    viewer: signedIn, // T2
    stream: signedIn, // S2, S6
    streams: signedIn, // S2, S6
  },
  Mutation: {
    createStream: writesInNamespace, // S1
    updateStream: writesStream, // S1
    updateStreams: writesStreams, // S1
    deleteStream: deletesStream, // S1
    deleteStreams: deletesStreams, // S1
  },
  Viewer: guardedByStore, // S2, S6
  Stream: guardedByStore, // S2, S6, rule 18
  StreamConnection: guardedByStore,
  StreamEdge: guardedByStore,
  Community: guardedByStore, // S6
} satisfies PermissionMap;
