import type { GraphQLResolveInfo } from "graphql";
import { notFound } from "../../../common/errors.ts";
import {
  asksEntitiesFor,
  asksFor,
  fieldsAskedFor,
} from "../../../common/selection.ts";
import { rightsIn } from "../access/rights.ts";
import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { asksForLosses } from "../share/asked.ts";
import { createStream, updateStream, updateStreams } from "./actions.ts";
import { deleteStreams } from "./deletion/actions.ts";
import { overridden } from "./overrides.ts";
import type { Shown } from "./search/selection-store.ts";
import { typeOf } from "./store.ts";

const inNames = new Set(["id", "name", "__typename"]);

/** Of the streams of a list. */
function shownBy(info: GraphQLResolveInfo): Shown {
  const asked = [
    ...fieldsAskedFor(info, ["nodes"]),
    ...fieldsAskedFor(info, ["edges", "node"]),
  ];
  if (asked.includes("last")) return "LAST_EVENTS";
  return asked.every((field) => inNames.has(field)) ? "NAMES" : "ALL";
}

const ofReferences = new WeakMap<GraphQLResolveInfo, boolean>();

/** Of the streams that one field refers to, which may be a thousand: looked for once. */
function referencesAskForLast(info: GraphQLResolveInfo): boolean {
  const asks =
    ofReferences.get(info) ?? asksEntitiesFor(info, "Stream", ["last"]);
  ofReferences.set(info, asks);
  return asks;
}

export const resolvers = {
  Query: {
    viewer: (_, __, { viewer }) => (viewer.identityId === null ? null : {}),
    stream: async (_, { id }, { streams }, info) => {
      const stream = await streams.find(id, asksFor(info, ["last"]));
      if (stream === null) throw notFound("id");
      return stream;
    },
    streams: (_, args, { streamSearch }, info) =>
      streamSearch.list(args, shownBy(info)),
  },
  Mutation: {
    createStream: (_, { input }, context) => createStream(input, context),
    updateStream: (_, { input }, context) => updateStream(input, context),
    updateStreams: (_, { input }, context) => updateStreams(input, context),
    deleteStream: async (_, { id }, context) => {
      const one = { streamIds: [id], dryRun: false, areLossesAsked: false };
      await deleteStreams(one, context, () => "id");
      return id;
    },
    deleteStreams: (_, { input }, context, info) =>
      deleteStreams({ ...input, areLossesAsked: asksForLosses(info) }, context),
  },
  Viewer: {
    streams: (_, args, { streamSearch }, info) =>
      streamSearch.list(args, shownBy(info)),
  },
  Community: {
    __resolveReference: ({ id }) => ({ id }),
    streams: ({ id }, args, { communityStreams }, info) =>
      communityStreams.list(id, args, shownBy(info)),
    sharedStreamCount: ({ id }, _, { communityStreams }) =>
      communityStreams.count(id),
  },
  Stream: {
    __resolveReference: ({ id }, { streams }, info) =>
      streams.find(id, referencesAskForLast(info)),
    tenant: ({ tenantId }) => ({ id: tenantId }),
    namespace: ({ namespaceRowId }, _, { namespaces }) =>
      namespaceRowId === null ? null : namespaces.findByRow(namespaceRowId),
    type: typeOf,
    properties: async (stream, _, { streams, streamTypes }) =>
      overridden(
        ...(await Promise.all([
          streamTypes.properties(typeOf(stream)),
          streams.overrides(stream),
        ])),
      ),
    myRights: ({ rights }) => rightsIn(rights),
  },
} satisfies Resolvers<StreamContext>;
