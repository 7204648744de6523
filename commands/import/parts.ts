import type { Micros } from "../../common/date-time.ts";
import {
  isValueOf,
  valuesOf,
  type EventColumns,
  type NumberColumn,
  type TextColumn,
} from "../../subgraphs/stream/event/columns.ts";
import type { ValueKind } from "../../subgraphs/stream/generated.ts";
import type { CsvFile, CsvRow } from "./csv-file.ts";
import type { TimestampReader } from "./timestamps.ts";

export const duplicateRules = ["error", "first", "last"] as const;
/** What is done with a row whose timestamp was in the file before. */
export type DuplicateRule = (typeof duplicateRules)[number];

/** A column of the file, and the stream of one property that it goes to. */
export interface Column {
  readonly name: string;
  /** Among a row's cells. */
  readonly place: number;
  readonly streamRowId: number;
  readonly kind: ValueKind;
}

type Cell = number | string | null;

const eventsInPart = 50_000;
const maxRows = 16_000_000;

/** A file's events, some 50,000 at a time. An empty cell is no event. */
export async function* partsOf(
  file: CsvFile,
  columns: readonly Column[],
  timestamps: TimestampReader,
  duplicates: DuplicateRule,
): AsyncGenerator<EventColumns[]> {
  const rowsInPart = Math.ceil(eventsInPart / columns.length);
  const lines = new Map<Micros, number>();
  let part = new Part(columns);
  for await (const row of file.rows()) {
    const time = timeOf(row, file, timestamps);
    const before = lines.get(time);
    if (before === undefined) lines.set(time, row.line);
    else if (duplicates === "error")
      throw file.fault(
        row.line,
        `column "${file.columns[0]}": ${row.cells[0]} is also in line ${before}. Say which row counts: --duplicates=first or --duplicates=last.`,
      );
    else if (duplicates === "first") continue;
    if (lines.size > maxRows)
      throw file.fault(
        row.line,
        `a file has at most ${maxRows} rows. Split it.`,
      );
    part.put(
      time,
      columns.map((column) => cellOf(row, column, file)),
    );
    if (part.rowCount < rowsInPart) continue;
    yield part.events();
    part = new Part(columns);
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
  { name, place, kind }: Column,
  file: CsvFile,
): Cell {
  const text = cells[place] ?? "";
  if (text.trim() === "") return null;
  const value = parse[kind](text);
  if (!isValueOf(kind, value))
    throw file.fault(
      line,
      `column "${name}": the stream takes ${valuesOf[kind]}, not ${JSON.stringify(text.slice(0, 60))}. A cell without a value is empty.`,
    );
  return typeof value === "boolean" ? Number(value) : value;
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
};

/** Rows with distinct timestamps, column by column. */
class Part {
  private readonly timestamps: Micros[] = [];
  private readonly rowAt = new Map<Micros, number>();
  private readonly cells: Cell[][];

  constructor(private readonly columns: readonly Column[]) {
    this.cells = columns.map(() => []);
  }

  get rowCount(): number {
    return this.timestamps.length;
  }

  /** What was put at the same time before is replaced where there is a new value. */
  put(time: Micros, values: readonly Cell[]): void {
    const row = this.rowAt.get(time) ?? this.rowCount;
    this.rowAt.set(time, row);
    this.timestamps[row] = time;
    for (const [i, value] of values.entries()) {
      const column = this.cells[i];
      if (column) column[row] = value ?? column[row] ?? null;
    }
  }

  events(): EventColumns[] {
    const { timestamps } = this;
    const order = timestamps
      .map((_, row) => row)
      .sort((a, b) => (timestamps[a] ?? 0) - (timestamps[b] ?? 0));
    return this.columns
      .map(({ streamRowId, kind }, i) => {
        const cells = this.cells[i] ?? [];
        return {
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
