import { limitExceeded } from "../../../../common/errors.ts";
import { EmptyLines, fault, maxRowBytes, Utf8 } from "./rows.ts";

/** One record of a CSV text. */
export interface CsvRow {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** The cells that are empty between quotes: an empty text, and not nothing. */
  readonly emptyTexts: readonly number[];
  /** In characters. */
  readonly length: number;
}

const none: readonly number[] = [];

/**
 * The records of a CSV text in UTF-8 (RFC 4180), as many at a time as a chunk brings, with either kind of line end; empty
 * lines are none. Files are long and hardly ever quoted, so a record without quotes costs no more than finding its end
 * and its commas.
 */
export async function* recordsOf(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<CsvRow[], undefined> {
  const utf8 = new Utf8();
  const empty = new EmptyLines();
  let text = "";
  let line = 1;
  for await (const chunk of chunks) {
    const rows: CsvRow[] = [];
    try {
      text += utf8.decode(chunk, `line ${line}`);
      let start = 0;
      let end = endOfRecord(text, start);
      while (end >= 0) {
        line += addRow(rows, text.slice(start, end), line, empty);
        start = end + 1;
        end = endOfRecord(text, start);
      }
      text = text.slice(start);
      assertRowLength(text, line);
    } catch (error) {
      // What comes before a fault is sound, however the file was cut on its way.
      yield rows;
      throw error;
    }
    if (rows.length > 0) yield rows;
  }
  const last: CsvRow[] = [];
  addRow(last, text + utf8.decode(undefined, `line ${line}`), line, empty);
  yield last;
}

function assertRowLength({ length }: string, line: number): void {
  if (length > maxRowBytes)
    throw limitExceeded(
      "characters in a row",
      maxRowBytes,
      length,
      `The row of line ${line} goes on: is a quote never closed?`,
      `line ${line}`,
    );
}

/** Where the line end is that ends a record, or -1 if the record goes on beyond the text. */
function endOfRecord(text: string, start: number): number {
  let end = text.indexOf("\n", start);
  if (end < 0 || !text.slice(start, end).includes('"')) return end;
  // A line end between quotes belongs to the cell. A quote written twice closes and opens again.
  let at = start;
  while (end >= 0) {
    const opening = text.indexOf('"', at);
    if (opening < 0 || opening > end) return end;
    const closing = text.indexOf('"', opening + 1);
    if (closing < 0) return -1;
    at = closing + 1;
    // Looked for again only if it is passed, or a row of many quotes would take their number times its length.
    if (end < at) end = text.indexOf("\n", at);
  }
  return end;
}

/** Answers how many lines the record takes. */
function addRow(
  rows: CsvRow[],
  record: string,
  line: number,
  empty: EmptyLines,
): number {
  const { length } = record;
  assertRowLength(record, line);
  const text = record.endsWith("\r") ? record.slice(0, -1) : record;
  if (text.trim() === "") {
    empty.add(`line ${line}`);
    return 1;
  }
  empty.addRow();
  if (!text.includes('"')) {
    rows.push({ line, cells: text.split(","), emptyTexts: none, length });
    return 1;
  }
  rows.push({ line, ...quotedCells(text, line), length });
  return text.split("\n").length;
}

function quotedCells(
  text: string,
  line: number,
): Pick<CsvRow, "cells" | "emptyTexts"> {
  const cells: string[] = [];
  const emptyTexts: number[] = [];
  for (let start = 0; start <= text.length;) {
    const { cell, end } = cellAt(text, start);
    if (end < 0 || (end < text.length && text[end] !== ","))
      throw fault(
        `line ${line}`,
        `cell ${cells.length + 1} has a quote that does not enclose it. Write a quote inside of a quoted cell twice.`,
      );
    if (cell === "" && end > start) emptyTexts.push(cells.length);
    cells.push(cell);
    start = end + 1;
  }
  return { cells, emptyTexts };
}

/** A cell and where it ends; -1 if it does not. */
function cellAt(text: string, start: number): { cell: string; end: number } {
  if (text[start] !== '"') {
    const comma = text.indexOf(",", start);
    const end = comma < 0 ? text.length : comma;
    const cell = text.slice(start, end);
    return { cell, end: cell.includes('"') ? -1 : end };
  }
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0 && text[quote + 1] === '"')
    quote = text.indexOf('"', quote + 2);
  return {
    cell: text.slice(start + 1, quote).replaceAll('""', '"'),
    end: quote < 0 ? -1 : quote + 1,
  };
}
