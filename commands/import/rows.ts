import type { Micros } from "../../common/date-time.ts";
import type { CsvRow } from "../../subgraphs/stream/event/ingest/csv-records.ts";
import { CsvRows } from "../../subgraphs/stream/event/ingest/csv.ts";
import {
  fault,
  type Reader,
  type Rows,
} from "../../subgraphs/stream/event/ingest/rows.ts";
import type { ValueProperty } from "../../subgraphs/stream/event/shape.ts";
import type { CsvFile } from "./csv-file.ts";
import type { Progress } from "./progress.ts";
import { Timeline } from "./timeline.ts";
import type { TimestampReader } from "./timestamps.ts";

export const duplicateRules = ["error", "first", "last"] as const;
/** What is done with a row whose timestamp was in the file before. */
export type DuplicateRule = (typeof duplicateRules)[number];

/** A file's rows as an operator wants them: some of the columns, the times by the clocks of a zone, none twice. */
export async function* rowsOf(
  file: CsvFile,
  names: readonly string[],
  timestamps: TimestampReader,
  duplicates: DuplicateRule,
  progress: Pick<Progress, "read">,
): AsyncGenerator<Rows, undefined> {
  const places = [0, ...names.map((name) => file.columns.indexOf(name))];
  const timeline = new Timeline();
  /** Of the rows with a time of their own. */
  const lines: number[] = [];
  for await (const { records } of file.naming(file.rows())) {
    progress.read(records.length, file.progress);
    const times: Micros[] = [];
    const kept: CsvRow[] = [];
    for (const record of records) {
      const time = timeOf(record, file, timestamps);
      if (duplicates !== "last") {
        const place = timeline.rowAt(time, lines.length);
        if (place < lines.length) {
          if (duplicates === "first") continue;
          throw fault(
            `line ${record.line}`,
            `column "${file.columns[0]}": ${record.cells[0]} is also in line ${lines[place]}. Say which row counts: --duplicates=first or --duplicates=last.`,
          );
        }
        lines.push(record.line);
      }
      times.push(time);
      kept.push(record);
    }
    yield new ImportRows(new CsvRows(file.columns, kept), places, times);
  }
}

function timeOf(
  { line, cells }: CsvRow,
  { columns }: CsvFile,
  timestamps: TimestampReader,
): Micros {
  const text = cells[0]?.trim() ?? "";
  const time = timestamps.read(text);
  if (typeof time === "number") return time;
  throw fault(`line ${line}`, `column "${columns[0]}": "${text}" is ${time}.`);
}

/** Some columns of a file, after its first one, whose times are known. */
class ImportRows implements Rows {
  readonly columns: readonly string[];

  constructor(
    private readonly rows: CsvRows,
    private readonly places: readonly number[],
    private readonly times: readonly Micros[],
  ) {
    this.columns = places.map((place) => rows.columns[place] ?? "");
  }

  get count(): number {
    return this.rows.count;
  }

  reader(column: number, property: ValueProperty): Reader {
    return column === 0
      ? (row) => this.times[row]
      : this.rows.reader(this.placeIn(column), property);
  }

  isEmpty(column: number, row: number): boolean {
    return this.rows.isEmpty(this.placeIn(column), row);
  }

  shown(column: number, row: number): string {
    return this.rows.shown(this.placeIn(column), row);
  }

  cellsOf(): number {
    return this.columns.length;
  }

  bytesOf(row: number): number {
    return this.rows.bytesOf(row);
  }

  placeOf(row: number): string {
    return this.rows.placeOf(row);
  }

  private placeIn(column: number): number {
    return this.places[column] ?? -1;
  }
}
