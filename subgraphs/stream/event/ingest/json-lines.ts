import { badInput, limitExceeded } from "../../../../common/errors.ts";
import type { ValueProperty } from "../shape.ts";
import { storedOf } from "../value.ts";
import {
  assertColumns,
  EmptyLines,
  fault,
  maxRowBytes,
  shortened,
  Utf8,
  type Reader,
  type Rows,
} from "./rows.ts";

interface Line {
  /** From 1. */
  readonly number: number;
  readonly object: Readonly<Record<string, unknown>>;
  /** How many columns the lines have named as far as this one. */
  readonly columnCount: number;
  /** In characters. */
  readonly length: number;
}

/** An object a line. Its keys are columns; which, may differ from line to line. */
export async function* jsonLines(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Rows, undefined> {
  const utf8 = new Utf8();
  const columns = new Set<string>();
  const empty = new EmptyLines();
  let text = "";
  let number = 1;
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    try {
      const texts = (text + utf8.decode(chunk, `line ${number}`)).split("\n");
      text = texts.pop() ?? "";
      for (const line of texts)
        lines.push(...lineOf(line, number++, columns, empty));
      assertLength(text, number);
    } catch (error) {
      // What comes before a fault is sound, however the file was cut on its way.
      yield new JsonRows([...columns], lines);
      throw error;
    }
    if (lines.length > 0) yield new JsonRows([...columns], lines);
  }
  text += utf8.decode(undefined, `line ${number}`);
  const last = lineOf(text, number, columns, empty);
  if (columns.size === 0) throw badInput("the file is empty.");
  yield new JsonRows([...columns], last);
}

function assertLength({ length }: string, number: number): void {
  if (length > maxRowBytes)
    throw limitExceeded(
      "characters in a line",
      maxRowBytes,
      length,
      `Write an object for each row, and a line for each object.`,
      `line ${number}`,
    );
}

/** None for an empty line. */
function lineOf(
  text: string,
  number: number,
  columns: Set<string>,
  empty: EmptyLines,
): Line[] {
  assertLength(text, number);
  if (text.trim() === "") {
    empty.add(`line ${number}`);
    return [];
  }
  empty.addRow();
  const object = objectIn(text, number);
  for (const key of Object.keys(object)) columns.add(key);
  assertColumns(columns.size, `line ${number}`);
  const { length } = text;
  return [{ number, object, columnCount: columns.size, length }];
}

function objectIn(text: string, number: number): Line["object"] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fault(
      `line ${number}`,
      `this is no JSON: ${(error as Error).message}.`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault(`line ${number}`, "write an object in each line.");
  return value as Line["object"];
}

class JsonRows implements Rows {
  constructor(
    readonly columns: readonly string[],
    private readonly lines: readonly Line[],
  ) {}

  get count(): number {
    return this.lines.length;
  }

  reader(column: number, property: ValueProperty): Reader {
    return (row) => storedOf(property, this.cell(column, row));
  }

  isEmpty(column: number, row: number): boolean {
    return this.cell(column, row) === null;
  }

  shown(column: number, row: number): string {
    const value = this.cell(column, row);
    if (typeof value === "string") return shortened(value);
    if (typeof value !== "object") return String(value);
    return Array.isArray(value) ? "a list" : "an object";
  }

  /** A column that has nothing in a row is looked at, too. */
  cellsOf(row: number): number {
    return this.lines[row]?.columnCount ?? 0;
  }

  bytesOf(row: number): number {
    return this.lines[row]?.length ?? 0;
  }

  placeOf(row: number): string {
    return `line ${this.lines[row]?.number}`;
  }

  /** What is not there is null. */
  private cell(column: number, row: number): unknown {
    const object = this.lines[row]?.object ?? {};
    const name = this.columns[column] ?? "";
    return Object.hasOwn(object, name) ? object[name] : null;
  }
}
