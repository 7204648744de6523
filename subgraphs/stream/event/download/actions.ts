import { badInput, conflict } from "../../../../common/errors.ts";
import type { PackedJson } from "../../../../common/packed.ts";
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
import { assertStreams } from "../limits.ts";
import { assertReadable } from "../refusals.ts";
import { summariesOf, summaryColumn } from "../summary.ts";
import type { EventTable } from "../table-store.ts";
import type { TableRequest } from "../table.ts";
import type { FileColumn, FileRows, FileValue } from "./format.ts";
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
    return { columns, rows: rowsOf(streams, columns, question, contextOf) };
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

const requestOf = ({ properties }: Question): TableRequest => ({
  timestamps: true,
  endCursor: true,
  values: false,
  columns: [properties],
});

async function* rowsOf(
  streams: readonly Stream[],
  columns: readonly FileColumn[],
  question: Question,
  contextOf: () => Context,
): AsyncGenerator<FileRows> {
  for (const { id } of streams) {
    let place: Place = { after: null, size: sizes.min };
    for (let isWhole = false; !isWhole;) {
      const table = await tableOf(id, place, question, contextOf());
      const rows = rowsIn(table, columns);
      yield { ...rows, streamId: id };
      isWhole = !table.hasNextPage;
      place = { after: table.endCursor, size: nextSize(table) };
    }
  }
}

/** Where to go on, and by how many rows. */
interface Place {
  readonly after: string | null;
  readonly size: number;
}

const sizes = { min: 1_000, max: 8_000, bytes: 2 ** 19 };

/** Of a piece of a file, so that wide rows need no more memory than narrow ones. */
function nextSize({ rowCount, columns }: EventTable): number {
  const bytes = columns.reduce((sum, { values }) => sum + lengthOf(values), 0);
  const fitting = Math.floor((sizes.bytes * rowCount) / Math.max(bytes, 1));
  return Math.min(Math.max(fitting, sizes.min), sizes.max);
}

const lengthOf = (column: PackedJson | undefined) => column?.text.length ?? 0;

function tableOf(
  streamId: string,
  { after, size }: Place,
  question: Question,
  context: Context,
): Promise<EventTable> {
  const { kind, args } = question;
  const request = requestOf(question);
  const { events, limits, streams } = context;
  return unlessGone(context, async () => {
    assertTokenHolds(context.viewer, "begin again");
    const [stream] = await streams.getAll([streamId], () => "ids");
    if (!stream) throw new Error("A stream is neither there nor missing.");
    switch (kind) {
      case "events": {
        const page = { ...(args as unknown as StreamEventsArgs) };
        const { rows } = await limits.get();
        const first = Math.min(size, rows);
        return events.stored(stream, { ...page, first, after }, request);
      }
      case "interpolated":
        return events.interpolated(
          stream,
          args as StreamInterpolatedArgs,
          request,
        );
      case "summaries":
        return events.summaries(
          stream,
          args as unknown as StreamSummariesArgs,
          request,
        );
    }
  });
}

const rowsIn = (
  { timestamps, columns }: EventTable,
  ofFile: readonly FileColumn[],
): Omit<FileRows, "streamId"> => ({
  timestamps: valuesIn(timestamps) as string[],
  columns: ofFile.map(({ name, kind, uom }) => {
    const column = columns.find((column) => column.name === name);
    if (!column) return null;
    if (column.kind !== kind || (uom !== null && column.uom !== uom))
      throw conflict(
        "The unit of this stream has changed while it was read. Begin again.",
      );
    return valuesIn(column.values);
  }),
});

const valuesIn = (column: PackedJson | null | undefined): FileValue[] =>
  column ? (JSON.parse(column.text) as FileValue[]) : [];
