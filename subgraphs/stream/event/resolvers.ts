import { badInput } from "../../../common/errors.ts";
import { asksFor } from "../../../common/selection.ts";
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
    streamEvents: (_, { ids, ...args }, { events }, info) => {
      const request = requestOf(info);
      return events.ofEach(ids, (stream) =>
        asFile("events", stream, args, events.stored(stream, args, request)),
      );
    },
    streamSummaries: (_, { ids, ...args }, { events }, info) => {
      const request = requestOf(info);
      return events.ofEach(ids, (stream) =>
        asFile(
          "summaries",
          stream,
          args,
          events.summaries(stream, args, request),
        ),
      );
    },
    streamLast: (_, { ids, ...unit }, { events }, info) =>
      events.lastOfEach(
        ids,
        unit,
        asksFor(info, ["kinds"]) || asksFor(info, ["uoms"]),
      ),
    streamJoin: (_, args, { events }, info) =>
      events.joined(args, requestOf(info)),
    trend: (_, { input }, { events }) => events.trend(input),
  },
  Mutation: {
    writeEvents: (_, { input }, context) => writeEvents(input, context),
    removeEvents: (_, { input }, context) => removeEvents(input, context),
  },
  Stream: {
    first: (stream, args, { events }) => events.first(stream, args),
    last: (stream, args, { events }) => events.last(stream, args),
    at: (stream, { timestamp, mode, ...args }, { events }) =>
      events.at(stream, timestamp, mode, args),
    events: (stream, args, { events }, info) =>
      asFile(
        "events",
        stream,
        args,
        events.stored(stream, args, requestOf(info)),
      ),
    interpolated: (stream, args, { events }, info) =>
      asFile(
        "interpolated",
        stream,
        args,
        events.interpolated(stream, args, requestOf(info)),
      ),
    summaries: (stream, args, { events }, info) =>
      asFile(
        "summaries",
        stream,
        args,
        events.summaries(stream, args, requestOf(info)),
      ),
    plot: (stream, args, { events }, info) =>
      events.plot(stream, args, requestOf(info)),
    lttb: (stream, args, { events }, info) =>
      events.lttb(stream, args, requestOf(info)),
  },
  TrendLine: {
    community: ({ communityId }) =>
      communityId === null ? null : { id: communityId },
  },
  EventTable: {
    values: ({ columns }) => columns[0]?.values,
    columns: ({ columns }, { properties }) =>
      properties?.flatMap((name) =>
        columns.filter(({ property }) => property === name),
      ) ?? columns,
    downloads: ({ file }) => {
      const address = file?.() ?? null;
      if (address === null) throw noFile();
      return {
        csv: `${address}&format=csv`,
        jsonLines: `${address}&format=jsonl`,
        arrow: `${address}&format=arrow`,
      };
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
  file: () => addressOf(id, kind, args),
});

const noFile = () =>
  badInput(
    "No file holds this table. Leave out downloads. A file has events, what is interpolated by count or interval, or summaries.",
  );
