import type { GraphQLFormattedError } from "graphql";
import { dateTimeOf } from "../../../../common/date-time.ts";
import type { Value } from "../shape.ts";
import {
  valueAt,
  type FileColumn,
  type FileRows,
  type FileWriter,
} from "./format.ts";
import { namesOf } from "./names.ts";

/**
 * RFC 4180 in UTF-8, with a header. A null is an empty cell, an empty text a quoted one. A file that is not whole ends
 * with a row of two cells, `ERROR` and why, whatever its columns are.
 */
export class CsvFile implements FileWriter {
  readonly contentType = "text/csv; charset=utf-8; header=present";
  readonly extension = "csv";
  private head: string;

  constructor(
    private readonly columns: readonly FileColumn[],
    private readonly namesStreams: boolean,
  ) {
    this.head = `${namesOf(columns, namesStreams).map(quoted).join(",")}\r\n`;
  }

  rows({ streamId, timestamps, columns }: FileRows): Uint8Array {
    const begin = this.namesStreams ? `${streamId},` : "";
    let text = this.head;
    this.head = "";
    for (const [row, timestamp] of timestamps.entries()) {
      text += begin + dateTimeOf(timestamp);
      for (const [i, column] of this.columns.entries())
        text += `,${cell(valueAt(row, columns[i], column))}`;
      text += "\r\n";
    }
    return Buffer.from(text);
  }

  end(): Uint8Array {
    return Buffer.alloc(0);
  }

  fault({ extensions, message }: GraphQLFormattedError): Uint8Array {
    const why = `${String(extensions?.["code"])}: ${message}`;
    return Buffer.from(`ERROR,${quoted(why)}\r\n`);
  }
}

const cell = (value: Value): string =>
  typeof value === "string" ? quoted(value) : value === null ? "" : `${value}`;

const quoted = (text: string): string =>
  text === "" || /[",\r\n]/.test(text)
    ? `"${text.replaceAll('"', '""')}"`
    : text;
