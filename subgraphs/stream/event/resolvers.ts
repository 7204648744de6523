import type { StreamContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { overridden } from "../stream/overrides.ts";
import { typeOf } from "../stream/store.ts";
import { writeEvents } from "./actions.ts";
import { EventPage } from "./page.ts";
import { named, requestOf } from "./table-request.ts";

export const resolvers = {
  Mutation: {
    writeEvents: (_, { input }, context) => writeEvents(input, context),
  },
  Stream: {
    first: ({ id }, _, { events }) => events.first(id),
    last: (stream, _, { events }) => events.last(stream),
    at: ({ id }, { timestamp, mode }, { events }) =>
      events.at(id, timestamp, mode),
    events: async (stream, args, { events, streamTypes }, info) => {
      events.announceTable();
      const page = new EventPage(stream.id, args);
      const properties = await streamTypes.properties(typeOf(stream));
      return events.table(
        stream,
        properties,
        page,
        requestOf(info, properties),
      );
    },
  },
  EventTable: {
    values: ({ columns }) => [...columns.values()][0],
    columns: async ({ stream, columns }, args, { streams, streamTypes }) => {
      const properties = overridden(
        await streamTypes.properties(typeOf(stream)),
        await streams.overrides(stream),
      );
      return named(properties, args).map(({ name, kind, uom }) => ({
        name,
        property: name,
        kind,
        uom,
        values: columns.get(name),
      }));
    },
  },
} satisfies Resolvers<StreamContext>;
