import { badInput, limitExceeded } from "../../../../common/errors.ts";
import type { ValueProperty } from "../shape.ts";
import type { Stored } from "../value.ts";

/** Rows of a file as they come, some at a time, in columns that have names. Each format reads its own. */
export interface Rows {
  readonly count: number;
  /** Each name once. A format whose rows name their own columns may have more of them later, and in the same places. */
  readonly columns: readonly string[];
  /** What stands in a column as a property stores it, by row. */
  reader(column: number, property: ValueProperty): Reader;
  isEmpty(column: number, row: number): boolean;
  /** A cell in the words of an error. */
  shown(column: number, row: number): string;
  /** How many cells a row has, and how many bytes it took in the file. */
  cellsOf(row: number): number;
  bytesOf(row: number): number;
  /** Where a row stands in the file: "line 3". */
  placeOf(row: number): string;
}

/** Null for an empty cell, undefined for what the property cannot have. */
export type Reader = (row: number) => Stored | null | undefined;

/** Reads a file as it comes. Its faults name their place. */
export type Format = (
  bytes: AsyncIterable<Buffer>,
) => AsyncGenerator<Rows, undefined>;

/** Of a row as it is written; a quote that is never closed or a line that never ends would fill the memory. */
export const maxRowBytes = 2 ** 20;

/** Of a file: those of a stream and of a timestamp, and as many more as a call may name streams. */
const maxColumns = 1_002;

export function assertColumns(count: number, place: string): void {
  if (count > maxColumns)
    throw limitExceeded(
      "columns a file",
      maxColumns,
      count,
      "Write the events in rows of stream, timestamp and value, or in several files.",
      place,
    );
}

const spareLines = 1_000;

/** Lines without anything cost as rows do and end no batch: a file has few of them more than rows. */
export class EmptyLines {
  private left = spareLines;

  addRow(): void {
    this.left += 1;
  }

  add(place: string): void {
    this.left -= 1;
    if (this.left < 0)
      throw limitExceeded(
        "empty lines more than rows",
        spareLines,
        spareLines + 1,
        "Leave them out.",
        place,
      );
  }
}

/** What is wrong at a place in a file. */
export const fault = (place: string, message: string) =>
  badInput(`${place}: ${message}`, place);

/** As long as an error can bear. */
export const shortened = (text: string) =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** Text without a byte order mark, chunk by chunk. */
export class Utf8 {
  private readonly decoder = new TextDecoder("utf-8", { fatal: true });

  /** `chunk` is left out at the end of the file. */
  decode(chunk: Buffer | undefined, place: string): string {
    try {
      return this.decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw fault(place, "what follows is no text in utf-8.");
    }
  }
}
