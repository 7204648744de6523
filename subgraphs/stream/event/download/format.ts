import type { GraphQLFormattedError } from "graphql";
import type { IncomingHttpHeaders } from "node:http";
import { badInput } from "../../../../common/errors.ts";
import type { ValueKind } from "../../generated.ts";
import type { Cells } from "../cells.ts";
import { valueOf, type Value } from "../shape.ts";
import { ArrowFile } from "./arrow.ts";
import { CsvFile } from "./csv.ts";
import { JsonLinesFile } from "./json-lines.ts";

/** A column besides the stream and the timestamp. */
export interface FileColumn {
  readonly name: string;
  readonly kind: ValueKind;
  readonly uom: string | null;
}

/** Rows of one stream. */
export interface FileRows {
  readonly streamId: string;
  readonly timestamps: Float64Array;
  /** A value a row, by the file's columns; null for a column that the stream does not have. */
  readonly columns: readonly (Cells | null)[];
}

/** As JSON has it. */
export function valueAt(
  row: number,
  cells: Cells | null | undefined,
  { kind }: FileColumn,
): Value {
  const cell = cells?.[row] ?? null;
  if (typeof cell !== "number") return cell;
  return Number.isNaN(cell) ? null : valueOf({ kind, states: null }, cell);
}

/** A file as it is written, from its beginning to its end. */
export interface FileWriter {
  readonly contentType: string;
  readonly extension: string;
  /** With the beginning, if these are the first. */
  rows(rows: FileRows): Uint8Array;
  end(): Uint8Array;
  /** How a file tells that it is not whole; null where its missing end does. */
  fault(error: GraphQLFormattedError): Uint8Array | null;
}

type NewFile = new (
  columns: readonly FileColumn[],
  namesStreams: boolean,
) => FileWriter;

const formats: Readonly<Record<string, NewFile>> = {
  csv: CsvFile,
  jsonl: JsonLinesFile,
  arrow: ArrowFile,
};

const contentTypes: Readonly<Record<string, NewFile>> = {
  "text/csv": CsvFile,
  "application/jsonl": JsonLinesFile,
  "application/x-ndjson": JsonLinesFile,
  "application/vnd.apache.arrow.stream": ArrowFile,
  "text/*": CsvFile,
  "*/*": CsvFile,
};

/** The format that `format` names, or else the one that Accept likes best. */
export function formatFrom(
  search: string,
  { accept = "*/*" }: IncomingHttpHeaders,
): NewFile {
  const name = new URLSearchParams(search).get("format");
  const found =
    name === null
      ? liked(accept).flatMap((type) => contentTypes[type] ?? [])[0]
      : Object.hasOwn(formats, name) && formats[name];
  if (found) return found;
  throw badInput(
    `Name a format: ?format=${Object.keys(formats).join(", ")}, or Accept: ${Object.keys(contentTypes).slice(0, 4).join(", ")}.`,
    "format",
  );
}

/** What a header names, the best first; what has a weight of 0 is not wanted. */
export const liked = (header: string): string[] =>
  header
    .split(",")
    .map((item) => {
      const [name = "", ...parameters] = item.toLowerCase().split(";");
      const weight = parameters
        .map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1])
        .find((q) => q !== undefined);
      return { name: name.trim(), weight: Number(weight ?? 1) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ name }) => name);
