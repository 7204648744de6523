import type { Micros } from "../../common/date-time.ts";
import type {
  EventColumns,
  NumberColumn,
  TextColumn,
} from "../../subgraphs/stream/event/columns.ts";
import type { ValueProperty } from "../../subgraphs/stream/event/shape.ts";
import {
  storedOf,
  valuesOf,
  type Stored,
} from "../../subgraphs/stream/event/value.ts";
import type { ValueKind } from "../../subgraphs/stream/generated.ts";
import type { CsvFile } from "./csv-file.ts";
import type { CsvRow } from "./csv-records.ts";
import { Timeline } from "./timeline.ts";
import type { TimestampReader } from "./timestamps.ts";

export const duplicateRules = ["error", "first", "last"] as const;
/** What is done with a row whose timestamp was in the file before. */
export type DuplicateRule = (typeof duplicateRules)[number];

/** A column of the file, and the stream of one property that it goes to. */
export interface Column {
  readonly name: string;
  /** Among a row's cells. */
  readonly place: number;
  readonly tenantRowId: number;
  readonly streamRowId: number;
  /** The stream's only one. */
  readonly property: ValueProperty;
}

type Cell = Stored | null;

/** Fewer cost the index more, more cost memory, and time in one statement. */
const eventsInPart = 500_000;

/** A file's events, half a million at a time. An empty cell is no event. */
export async function* partsOf(
  file: CsvFile,
  columns: readonly Column[],
  timestamps: TimestampReader,
  duplicates: DuplicateRule,
  onRead: (rowCount: number) => void,
): AsyncGenerator<EventColumns[]> {
  const rowsInPart = Math.ceil(eventsInPart / columns.length);
  const timeline = new Timeline();
  /** Of the rows with a time of their own. */
  const lines: number[] = [];
  let part = new Part(columns, 0);
  for await (const rows of file.rows()) {
    onRead(rows.length);
    for (const row of rows) {
      const time = timeOf(row, file, timestamps);
      const place = timeline.rowAt(time, lines.length);
      if (place === lines.length) lines.push(row.line);
      else if (duplicates === "error")
        throw file.fault(
          row.line,
          `column "${file.columns[0]}": ${row.cells[0]} is also in line ${lines[place]}. Say which row counts: --duplicates=first or --duplicates=last.`,
        );
      else if (duplicates === "first") continue;
      part.put(
        place,
        time,
        columns.map((column) => cellOf(row, column, file)),
      );
      if (part.rowCount < rowsInPart) continue;
      yield part.events();
      part = new Part(columns, lines.length);
    }
  }
  yield part.events();
}

function timeOf(
  { line, cells }: CsvRow,
  file: CsvFile,
  timestamps: TimestampReader,
): Micros {
  const text = cells[0]?.trim() ?? "";
  const time = timestamps.read(text);
  if (typeof time === "number") return time;
  throw file.fault(line, `column "${file.columns[0]}": "${text}" is ${time}.`);
}

function cellOf(
  { line, cells }: CsvRow,
  { name, place, property }: Column,
  file: CsvFile,
): Cell {
  const text = cells[place] ?? "";
  if (text.trim() === "") return null;
  const value = storedOf(property, parse[property.kind](text));
  if (value === undefined)
    throw file.fault(
      line,
      `column "${name}": the stream takes ${valuesOf(property)}, not ${JSON.stringify(text.slice(0, 60))}. A cell without a value is empty.`,
    );
  return value;
}

const decimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const numberIn = (text: string) => (decimal.test(text) ? Number(text) : text);
const booleans = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** The value as its kind has it, or the text where it is none. */
const parse: Record<ValueKind, (text: string) => number | boolean | string> = {
  FLOAT: numberIn,
  INTEGER: numberIn,
  BOOLEAN: (text) => booleans.get(text.trim().toLowerCase()) ?? text,
  TEXT: (text) => text,
  TIMESTAMP: (text) => text.trim(),
  ENUM: (text) => text.trim(),
};

/** Rows with distinct timestamps, column by column. */
class Part {
  private readonly timestamps: Micros[] = [];
  private readonly cells: Cell[][];
  /** By place, from the first of this part. */
  private readonly rows: number[] = [];
  /** By place, of what earlier parts have and this one has again. */
  private readonly again = new Map<number, number>();

  constructor(
    private readonly columns: readonly Column[],
    private readonly firstPlace: number,
  ) {
    this.cells = columns.map(() => []);
  }

  get rowCount(): number {
    return this.timestamps.length;
  }

  /** What was put in the same place before is replaced where there is a new value. */
  put(place: number, time: Micros, values: readonly Cell[]): void {
    const row = this.rowOf(place);
    this.timestamps[row] = time;
    for (const [i, value] of values.entries()) {
      const column = this.cells[i];
      if (column) column[row] = value ?? column[row] ?? null;
    }
  }

  private rowOf(place: number): number {
    if (place >= this.firstPlace)
      return (this.rows[place - this.firstPlace] ??= this.rowCount);
    const row = this.again.get(place) ?? this.rowCount;
    this.again.set(place, row);
    return row;
  }

  events(): EventColumns[] {
    const { timestamps } = this;
    const order = timestamps
      .map((_, row) => row)
      .sort((a, b) => (timestamps[a] ?? 0) - (timestamps[b] ?? 0));
    return this.columns
      .map(({ tenantRowId, streamRowId, property: { kind } }, i) => {
        const cells = this.cells[i] ?? [];
        return {
          tenantRowId,
          streamRowId,
          timestamps,
          order: order.filter((row) => cells[row] !== null),
          value: kind === "TEXT" ? null : (cells as NumberColumn),
          numbers: [],
          texts: kind === "TEXT" ? [cells as TextColumn] : [],
        };
      })
      .filter(({ order }) => order.length > 0);
  }
}
