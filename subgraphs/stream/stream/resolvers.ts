import type { GraphQLResolveInfo } from "graphql";
import { notFound } from "../../../common/errors.ts";
import {
  entityFieldsAskedFor,
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
import { typeOf, type Fetched } from "./store.ts";

/** Reads of events, which need no more of a stream than what the gate itself tells. */
const ofNamed = new Set([
  ...["__typename", "id", "myRights"],
  ...["first", "last", "at", "events", "interpolated", "summaries"],
  ...["plot", "lttb"],
]);

const inNames = new Set(["id", "name", "__typename"]);
const inFew = new Set([...ofNamed, "name", "tenant"]);

/** Of the streams of a list. */
function shownBy(info: GraphQLResolveInfo): Shown {
  const asked = [
    ...fieldsAskedFor(info, ["nodes"]),
    ...fieldsAskedFor(info, ["edges", "node"]),
  ];
  const areIn = (fields: ReadonlySet<string>) =>
    asked.every((field) => fields.has(field));
  if (asked.includes("last"))
    return areIn(inFew) ? "FEW_WITH_LAST" : "ALL_WITH_LAST";
  return areIn(inNames) ? "NAMES" : "ALL";
}

const fetchedFor = (asked: ReadonlySet<string>): Fetched =>
  `${[...asked].every((field) => ofNamed.has(field)) ? "NAMED" : "ALL"}${asked.has("last") ? "_WITH_LAST" : ""}`;

const ofReferences = new WeakMap<GraphQLResolveInfo, Fetched>();

/** Of the streams that one field refers to, which may be a thousand: looked for once. */
function fetchedForReferences(info: GraphQLResolveInfo): Fetched {
  const fetched =
    ofReferences.get(info) ?? fetchedFor(entityFieldsAskedFor(info, "Stream"));
  ofReferences.set(info, fetched);
  return fetched;
}

export const resolvers = {
  Query: {
    viewer: (_, __, { viewer }) => (viewer.identityId === null ? null : {}),
    stream: async (_, { id }, { streams }, info) => {
      const stream = await streams.find(
        id,
        fetchedFor(fieldsAskedFor(info, [])),
      );
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
      streams.find(id, fetchedForReferences(info)),
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
