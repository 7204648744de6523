import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import type { Stream } from "../stream/store.ts";
import { removeEvents, writeEvents } from "./actions.ts";
import { addressOf } from "./download/address.ts";
import type { Kind } from "./download/question.ts";
import { requestOf } from "./table-request.ts";
import type { EventTable } from "./table-store.ts";

export const resolvers = {
  Query: {
    streamEvents: (_, { ids, ...args }, { tables }, info) => {
      const request = requestOf(info);
      return tables.ofEach(ids, (stream) =>
        asFile("events", stream, args, tables.stored(stream, args, request)),
      );
    },
    streamSummaries: (_, { ids, ...args }, { tables }, info) => {
      const request = requestOf(info);
      return tables.ofEach(ids, (stream) =>
        asFile(
          "summaries",
          stream,
          args,
          tables.summaries(stream, args, request),
        ),
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
      asFile(
        "events",
        stream,
        args,
        tables.stored(stream, args, requestOf(info)),
      ),
    interpolated: (stream, args, { tables }, info) =>
      asFile(
        "interpolated",
        stream,
        args,
        tables.interpolated(stream, args, requestOf(info)),
      ),
    summaries: (stream, args, { tables }, info) =>
      asFile(
        "summaries",
        stream,
        args,
        tables.summaries(stream, args, requestOf(info)),
      ),
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
    downloads: ({ file }) =>
      file == null
        ? null
        : {
            csv: `${file}&format=csv`,
            jsonLines: `${file}&format=jsonl`,
            arrow: `${file}&format=arrow`,
          },
  },
} satisfies Resolvers<StreamContext>;

/** The table, with the address of the same read as a file. */
const asFile = async (
  kind: Kind,
  { id }: Stream,
  args: Parameters<typeof addressOf>[2],
  table: Promise<EventTable>,
): Promise<EventTable> => ({
  ...(await table),
  file: addressOf(id, kind, args),
});
