import { parseMicros, type Micros } from "../../../common/date-time.ts";
import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { StreamEventsInput, WriteEventsInput } from "../generated.ts";
import type { EventColumns, NumberColumn, TextColumn } from "./asked.ts";
import { slotsOf, type Slot, type ValueProperty } from "./shape.ts";
import { storedOf, valuesOf, type Stored } from "./value.ts";

/** A stream to write to, with its type's properties. */
export interface Target {
  readonly id: string;
  readonly rowId: number;
  readonly tenantRowId: number;
  readonly properties: readonly ValueProperty[];
}

const maxStreams = 1_000;
export const maxEvents = 100_000;
const maxBytes = 16 * 1024 * 1024;

const next = "Split the call.";

/** Where a stream stands in the arguments. */
export const placeInInput = (i: number) => `input.streams.${i}.streamId`;

/** The streams of a call: each named once, and no more than a call may name. */
export function streamIdsOf({
  streams,
}: {
  readonly streams: readonly { readonly streamId: string }[];
}): string[] {
  if (streams.length === 0)
    throw badInput("Name at least one stream.", "input.streams");
  if (streams.length > maxStreams)
    throw limitExceeded(
      "streams a call",
      maxStreams,
      streams.length,
      next,
      "input.streams",
    );
  const named = new Set<string>();
  for (const [i, { streamId }] of streams.entries()) {
    if (named.has(streamId))
      throw badInput(
        `Stream ${streamId} is named twice. Put its events together.`,
        placeInInput(i),
      );
    named.add(streamId);
  }
  return [...named];
}

/** What can be said of a call's size before anything is known of its streams. */
export function assertWithinLimits({ streams }: WriteEventsInput): void {
  const events = streams.reduce(
    (sum, { timestamps }) => sum + timestamps.length,
    0,
  );
  if (events > maxEvents)
    throw limitExceeded(
      "events a call",
      maxEvents,
      events,
      next,
      "input.streams",
    );
  // What is nested without end cannot be written as JSON.
  let most = 0;
  for (const [i, input] of streams.entries()) {
    const at = `input.streams.${i}`;
    most += mostBytes(input.streamId) + mostBytesOfNames;
    most += flatBytes(input, input.timestamps, `${at}.timestamps`);
    most += flatBytes(input, input.values ?? [], `${at}.values`);
    for (const [j, { property, values }] of input.columns?.entries() ?? []) {
      most += mostBytes(property) + mostBytesOfNames;
      most += flatBytes(input, values, `${at}.columns.${j}.values`);
    }
  }
  if (most <= maxBytes) return;
  const bytes = Buffer.byteLength(JSON.stringify(streams));
  if (bytes > maxBytes)
    throw limitExceeded("bytes a call", maxBytes, bytes, next, "input.streams");
}

/** Of the names of fields, and of brackets, of a stream or a column. */
const mostBytesOfNames = 100;

/** No less than a value takes as JSON, with the comma: to write all of them only to count is dear. */
const mostBytes = (value: unknown): number =>
  typeof value === "string" ? 6 * value.length + 3 : 26;

/** One stream's part of a call, checked against the stream's type; `at` is its place in the arguments. */
export function columnsFrom(
  input: StreamEventsInput,
  { rowId, tenantRowId, properties }: Target,
  at: string,
): EventColumns {
  const { timestamps, order } = distinctTimes(input, at);
  const slots = slotsOf(properties);
  const given = givenColumns(input, slots, at).map(
    ({ slot, values, at }): [Slot, readonly (Stored | null)[]] => {
      if (values.length !== timestamps.length)
        throw badInput(
          `Stream ${input.streamId}, property "${slot.name}": ${values.length} values for ${timestamps.length} timestamps. Give one for each, null where there is none.`,
          at,
        );
      return [
        slot,
        values.map((value, row) => {
          const stored = storedOf(slot, value);
          if (stored !== undefined) return stored;
          throw badInput(
            `${eventName(input, row)}: property "${slot.name}" takes ${valuesOf(slot)} or null, not ${shown(value)}.`,
            `${at}.${row}`,
          );
        }),
      ];
    },
  );
  const inSlots = (column: Slot["column"]) =>
    slots
      .filter((slot) => slot.column === column)
      .map(
        (slot) => given.find(([{ name }]) => name === slot.name)?.[1] ?? null,
      );
  return {
    tenantRowId,
    streamRowId: rowId,
    timestamps,
    order,
    value: (inSlots("value")[0] ?? null) as NumberColumn | null,
    numbers: inSlots("numbers") as (NumberColumn | null)[],
    texts: inSlots("texts") as (TextColumn | null)[],
  };
}

/** How many bytes a column takes as JSON, and not less; refuses what is no column. */
function flatBytes(
  input: StreamEventsInput,
  column: readonly unknown[],
  at: string,
): number {
  let bytes = 0;
  for (let row = 0; row < column.length; row += 1) {
    const value = column[row];
    if (typeof value === "object" && value !== null)
      throw badInput(
        `${eventName(input, row)}: a column holds numbers, booleans, texts or nulls, not ${shown(value)}.`,
        `${at}.${row}`,
      );
    bytes += mostBytes(value);
  }
  return bytes;
}

type TimedInput = Pick<StreamEventsInput, "streamId" | "timestamps">;

/** Times as they are given, and their order. */
export function distinctTimes(
  input: TimedInput,
  at: string,
): Pick<EventColumns, "timestamps" | "order"> {
  const timestamps = timestampsFrom(input, at);
  return { timestamps, order: orderOf(timestamps, input, at) };
}

function timestampsFrom(input: TimedInput, at: string): Micros[] {
  if (input.timestamps.length === 0)
    throw badInput(
      `Stream ${input.streamId} is given no events. Leave it out.`,
      `${at}.timestamps`,
    );
  return input.timestamps.map((timestamp, row) => {
    const micros =
      typeof timestamp === "string" ? parseMicros(timestamp) : null;
    if (micros === null)
      throw badInput(
        `Stream ${input.streamId}, event ${row}: ${shown(timestamp)} is no timestamp. Write RFC 3339 with an offset and at most microseconds, from 1970 to 2200, e.g. "2026-01-31T08:00:00.5+00:00".`,
        `${at}.timestamps.${row}`,
      );
    return micros;
  });
}

/** The columns with the slots that they go to, each property at most once. */
function givenColumns(
  { streamId, values, columns }: StreamEventsInput,
  slots: readonly Slot[],
  at: string,
): { slot: Slot; values: readonly unknown[]; at: string }[] {
  if ((values == null) === (columns == null || columns.length === 0))
    throw badInput(
      `Stream ${streamId}: give exactly one of values, for the first property alone, and columns.`,
      at,
    );
  const named = new Set<string>();
  const given =
    columns?.map(({ property, values }, i) => {
      const slot = slots.find(({ name }) => name === property);
      if (!slot || named.has(property))
        throw badInput(
          slot
            ? `Stream ${streamId}: property "${property}" is given twice. Give it once.`
            : `Stream ${streamId} has no property ${shown(property)}. It has ${slots.map(({ name }) => `"${name}"`).join(", ")}.`,
          `${at}.columns.${i}.property`,
        );
      named.add(property);
      return { slot, values, at: `${at}.columns.${i}.values` };
    }) ?? [];
  const [first] = slots;
  return values != null && first
    ? [{ slot: first, values, at: `${at}.values` }]
    : given;
}

function orderOf(
  timestamps: readonly Micros[],
  input: TimedInput,
  at: string,
): number[] {
  const timeOf = (row: number) => timestamps[row] ?? NaN;
  const order = timestamps.map((_, row) => row);
  if (order.every((row) => row === 0 || timeOf(row - 1) < timeOf(row)))
    return order;
  order.sort((a, b) => timeOf(a) - timeOf(b) || a - b);
  const second = order.find(
    (row, i) => i > 0 && timestamps[row] === timestamps[order[i - 1] ?? 0],
  );
  if (second !== undefined)
    throw badInput(
      `${eventName(input, second)}: this timestamp is given twice. A stream has one event at a time.`,
      `${at}.timestamps.${second}`,
    );
  return order;
}

/** Where a fault lies, in the words of an error. */
const eventName = ({ streamId, timestamps }: TimedInput, row: number) =>
  `Stream ${streamId}, event ${row} (${shown(timestamps[row])})`;

/** As JSON has it, and no longer than an error can bear. */
function shown(value: unknown): string {
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "a list" : "an object";
  const text = typeof value === "string" ? value.slice(0, 60) : value;
  return typeof text === "number"
    ? String(text)
    : (JSON.stringify(text)?.slice(0, 60) ?? "nothing");
}
