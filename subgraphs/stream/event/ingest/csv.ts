import { badInput } from "../../../../common/errors.ts";
import type { ValueKind } from "../../generated.ts";
import type { ValueProperty } from "../shape.ts";
import { storedOf } from "../value.ts";
import { recordsOf, type CsvRow } from "./csv-records.ts";
import {
  assertColumns,
  fault,
  shortened,
  type Reader,
  type Rows,
} from "./rows.ts";

/** CSV in UTF-8. Its first row names the columns, every other has as many cells. */
export async function* csv(
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<CsvRows, undefined> {
  let columns: readonly string[] | undefined;
  for await (const records of recordsOf(bytes)) {
    const rows = columns ? records : records.slice(1);
    columns ??= namesIn(records[0]);
    if (!columns) continue;
    const { length } = columns;
    const broken = rows.findIndex(({ cells }) => cells.length !== length);
    yield new CsvRows(columns, broken < 0 ? rows : rows.slice(0, broken));
    const { line, cells } = rows[broken] ?? {};
    if (cells)
      throw fault(
        `line ${line}`,
        `${cells.length} cells for ${length} columns.`,
      );
  }
  if (!columns) throw badInput("the file is empty.");
}

function namesIn(header: CsvRow | undefined): readonly string[] | undefined {
  const names = header?.cells.map((name) => name.trim());
  assertColumns(names?.length ?? 0, "line 1");
  const known = new Set<string>();
  for (const [i, name] of names?.entries() ?? []) {
    if (name === "" || /\p{Cc}/u.test(name) || known.has(name))
      throw badInput(
        `column ${i + 1} of the first row is no name of its own: ${shortened(name)}. Is this a CSV file with a header?`,
        "line 1",
      );
    known.add(name);
  }
  return names;
}

export class CsvRows implements Rows {
  constructor(
    readonly columns: readonly string[],
    readonly records: readonly CsvRow[],
  ) {}

  get count(): number {
    return this.records.length;
  }

  reader(column: number, property: ValueProperty): Reader {
    const { kind } = property;
    const read = values[kind];
    return (row) => {
      const text = this.cell(column, row);
      if (kind === "TEXT" ? this.isEmpty(column, row) : isBlank(text))
        return null;
      return storedOf(property, read(text));
    };
  }

  isEmpty(column: number, row: number): boolean {
    return (
      this.cell(column, row) === "" &&
      !this.records[row]?.emptyTexts.includes(column)
    );
  }

  shown(column: number, row: number): string {
    return shortened(this.cell(column, row));
  }

  cellsOf(): number {
    return this.columns.length;
  }

  bytesOf(row: number): number {
    return this.records[row]?.length ?? 0;
  }

  placeOf(row: number): string {
    return `line ${this.records[row]?.line}`;
  }

  private cell(column: number, row: number): string {
    return this.records[row]?.cells[column] ?? "";
  }
}

const isBlank = (text: string) => text === "" || text.trim() === "";

const decimal = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;
const numberIn = (text: string) => (decimal.test(text) ? Number(text) : text);
const booleans = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** The value as its kind has it, or the text where it is none. */
const values: Record<ValueKind, (text: string) => number | boolean | string> = {
  FLOAT: numberIn,
  INTEGER: numberIn,
  BOOLEAN: (text) => booleans.get(text.trim().toLowerCase()) ?? text,
  TEXT: (text) => text,
  TIMESTAMP: (text) => text.trim(),
  ENUM: (text) => text.trim(),
};
