import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { removeEvents, writeEvents } from "./actions.ts";
import { requestOf } from "./table-request.ts";

export const resolvers = {
  Query: {
    streamEvents: (_, { ids, ...args }, { tables }, info) => {
      const request = requestOf(info);
      return tables.ofEach(ids, (stream) =>
        tables.stored(stream, args, request),
      );
    },
    streamSummaries: (_, { ids, ...args }, { tables }, info) => {
      const request = requestOf(info);
      return tables.ofEach(ids, (stream) =>
        tables.summaries(stream, args, request),
      );
    },
    streamJoin: (_, args, { tables }, info) =>
      tables.joined(args, requestOf(info)),
  },
  Mutation: {
    writeEvents: (_, { input }, context) => writeEvents(input, context),
    removeEvents: (_, { input }, context) => removeEvents(input, context),
  },
  Stream: {
    first: (stream, args, { events, tables }) =>
      tables.event(stream, () => events.first(stream.id), args),
    last: (stream, args, { events, tables }) =>
      tables.event(stream, () => events.last(stream), args),
    at: (stream, { timestamp, mode, ...args }, { events, tables }) =>
      tables.event(stream, () => events.at(stream.id, timestamp, mode), args),
    events: (stream, args, { tables }, info) =>
      tables.stored(stream, args, requestOf(info)),
    interpolated: (stream, args, { tables }, info) =>
      tables.interpolated(stream, args, requestOf(info)),
    summaries: (stream, args, { tables }, info) =>
      tables.summaries(stream, args, requestOf(info)),
    plot: (stream, args, { tables }, info) =>
      tables.plot(stream, args, requestOf(info)),
    lttb: (stream, args, { tables }, info) =>
      tables.lttb(stream, args, requestOf(info)),
  },
  EventTable: {
    values: ({ columns }) => columns[0]?.values,
    columns: ({ columns }, { properties }) =>
      properties?.flatMap((name) =>
        columns.filter(({ property }) => property === name),
      ) ?? columns,
  },
} satisfies Resolvers<StreamContext>;
