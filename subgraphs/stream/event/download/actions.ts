import { badInput, conflict } from "../../../../common/errors.ts";
import {
  assertLive,
  assertTokenHolds,
  unlessGone,
  type CallContext,
} from "../../../../common/permissions.ts";
import type { StreamContext } from "../../context.ts";
import type {
  StreamEventsArgs,
  StreamInterpolatedArgs,
  StreamSummariesArgs,
} from "../../generated.ts";
import type { Stream } from "../../stream/store.ts";
import type { Part } from "../asked.ts";
import { cellsIn, timesIn, type PackedCells } from "../cells.ts";
import { assertStreams } from "../limits.ts";
import { assertReadable } from "../refusals.ts";
import { summariesOf, summaryColumn } from "../summary.ts";
import type { EventTable } from "../table-store.ts";
import { maxTextBytes } from "../value.ts";
import type { TableRequest } from "../table.ts";
import type { FileColumn, FileRows } from "./format.ts";
import type { Question } from "./question.ts";

type Context = CallContext &
  Pick<StreamContext, "events" | "limits" | "streams">;

/** A download that is not refused from the start: its columns, and its rows as they are read. */
export interface Download {
  readonly columns: readonly FileColumn[];
  readonly rows: AsyncGenerator<FileRows>;
}

/**
 * Reads what a question asks for, as the same reads of the graph do it. Each piece is a request of its own: whether
 * its caller's token holds and what it may read is asked anew, and nothing is held in the database while a client takes its time.
 */
export async function openDownload(
  question: Question,
  contextOf: () => Context,
): Promise<Download> {
  const context = contextOf();
  return unlessGone(context, async () => {
    await assertLive(context);
    assertStreams(question.streamIds, await context.limits.get());
    const streams = await context.streams.getAll(
      question.streamIds,
      (i) => `ids.${i}`,
    );
    for (const { rights } of streams) assertReadable(rights);
    const columns = await columnsOf(streams, question, context);
    const rows = rowsOf(streams, columns, question, context, contextOf);
    return { columns, rows };
  });
}

async function columnsOf(
  streams: readonly Stream[],
  question: Question,
  { events }: Context,
): Promise<FileColumn[]> {
  const { kinds, ...unit } = question.args as Partial<StreamSummariesArgs>;
  const ofStreams = await Promise.all(
    streams.map(async (stream) => {
      const slots = await events.shown(stream, requestOf(question), unit);
      return question.kind === "summaries"
        ? slots.flatMap((slot) => summariesOf(slot, kinds).map(summaryColumn))
        : slots;
    }),
  );
  const columns = new Map<string, FileColumn>();
  for (const { name, kind, uom } of ofStreams.flat()) {
    const known = columns.get(name);
    if (known && known.kind !== kind)
      throw badInput(
        `"${name}" is of kind ${known.kind} in one of these streams, and of kind ${kind} in another. Ask for them in several files.`,
        "ids",
      );
    columns.set(name, {
      name,
      kind,
      uom: !known || known.uom === uom ? uom : null,
    });
  }
  return [...columns.values()];
}

const requestOf = ({
  properties,
}: Pick<Question, "properties">): TableRequest => ({
  timestamps: true,
  endCursor: true,
  values: false,
  columns: [properties],
});

/** The first piece is read by the request that has opened the download, and each further one by one of its own. */
async function* rowsOf(
  streams: readonly Stream[],
  columns: readonly FileColumn[],
  question: Question,
  opening: Context,
  contextOf: () => Context,
): AsyncGenerator<FileRows> {
  let context: Context | null = opening;
  for (const stream of streams) {
    let place: Place = { after: null, skip: 0, take: firstSize(columns) };
    for (let isWhole = false; !isWhole;) {
      const table: EventTable<PackedCells> = await (context
        ? tableOf(stream, place, question, context)
        : tableAgain(stream, place, question, contextOf()));
      context = null;
      yield { streamId: stream.id, ...rowsIn(table, columns) };
      isWhole = !table.hasNextPage;
      place = {
        after: table.endCursor,
        skip: place.skip + place.take,
        take: nextSize(table, columns),
      };
    }
  }
}

/** Where to go on: behind a stored event, or behind so many rows that are computed. */
interface Place extends Part {
  readonly after: string | null;
}

/** Of a piece: what it has as a rule, and at most if all its texts are as long as they may be. */
const bytes = { usual: 2 ** 19, most: 2 ** 24 };
/** Before any is known. */
const usualTextBytes = 512;

const firstSize = (columns: readonly FileColumn[]): number =>
  fitting(
    columns.reduce(
      (sum, { kind }) => sum + (kind === "TEXT" ? usualTextBytes : 8),
      8,
    ),
    columns,
  );

/** So that wide rows need no more memory than narrow ones. */
function nextSize(
  { rowCount, timestamps, columns }: EventTable<PackedCells>,
  ofFile: readonly FileColumn[],
): number {
  const packed = [timestamps, ...columns.map(({ values }) => values)];
  const bytes = packed.reduce((sum, column) => sum + (column?.length ?? 0), 0);
  return fitting(bytes / Math.max(rowCount, 1), ofFile);
}

function fitting(bytesOfRow: number, columns: readonly FileColumn[]): number {
  const texts = columns.filter(({ kind }) => kind === "TEXT").length;
  const rows = Math.min(
    bytes.usual / Math.max(bytesOfRow, 16),
    bytes.most / Math.max(texts * maxTextBytes, 1),
  );
  return Math.max(Math.floor(rows), 100);
}

function tableAgain(
  { id }: Stream,
  place: Place,
  question: Question,
  context: Context,
): Promise<EventTable<PackedCells>> {
  return unlessGone(context, async () => {
    const [stream] = await context.streams.getAll([id], () => "ids");
    if (!stream) throw new Error("A stream is neither there nor missing.");
    return tableOf(stream, place, question, context);
  });
}

function tableOf(
  stream: Stream,
  { after, ...part }: Place,
  { kind, args, ...question }: Question,
  context: Context,
): Promise<EventTable<PackedCells>> {
  const request = requestOf(question);
  const { asCells } = context.events;
  return unlessGone(context, async () => {
    assertTokenHolds(context.viewer, "begin again");
    switch (kind) {
      case "events": {
        const page = { ...(args as unknown as StreamEventsArgs) };
        const { rows } = await context.limits.get();
        const first = Math.min(part.take, rows);
        return asCells.stored(stream, { ...page, first, after }, request);
      }
      case "interpolated":
        return asCells.interpolated(
          stream,
          args as StreamInterpolatedArgs,
          request,
          part,
        );
      case "summaries":
        return asCells.summaries(
          stream,
          args as unknown as StreamSummariesArgs,
          request,
          part,
        );
    }
  });
}

function rowsIn(
  { timestamps, columns }: EventTable<PackedCells>,
  ofFile: readonly FileColumn[],
): Omit<FileRows, "streamId"> {
  const times = timesIn(timestamps);
  return {
    timestamps: times,
    columns: ofFile.map(({ name, kind, uom }) => {
      const column = columns.find((column) => column.name === name);
      if (!column) return null;
      if (column.kind !== kind || (uom !== null && column.uom !== uom))
        throw conflict(
          "The unit of this stream has changed while it was read. Begin again.",
        );
      const cells = cellsIn(kind, column.values);
      if (cells.length === times.length) return cells;
      throw new Error(`${cells.length} values for ${times.length} times.`);
    }),
  };
}
