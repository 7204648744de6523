import type { GraphQLFormattedError } from "graphql";
import { dateTimeOf } from "../../../../common/date-time.ts";
import {
  valueAt,
  type FileColumn,
  type FileRows,
  type FileWriter,
} from "./format.ts";
import { namesOf } from "./names.ts";

/** An object a line. A file that is not whole ends with the line `{"error":{"code":…,"message":…}}`. */
export class JsonLinesFile implements FileWriter {
  readonly contentType = "application/jsonl";
  readonly extension = "jsonl";
  private readonly keys: readonly string[];

  constructor(
    private readonly columns: readonly FileColumn[],
    private readonly namesStreams: boolean,
  ) {
    this.keys = namesOf(columns, false)
      .slice(1)
      .map((name) => `,${JSON.stringify(name)}:`);
  }

  rows({ streamId, timestamps, columns }: FileRows): Uint8Array {
    const begin = this.namesStreams
      ? `{"stream":"${streamId}","timestamp":"`
      : '{"timestamp":"';
    let text = "";
    for (const [row, timestamp] of timestamps.entries()) {
      text += `${begin}${dateTimeOf(timestamp)}"`;
      for (const [i, column] of this.columns.entries())
        text += `${this.keys[i]}${JSON.stringify(valueAt(row, columns[i], column))}`;
      text += "}\n";
    }
    return Buffer.from(text);
  }

  end(): Uint8Array {
    return Buffer.alloc(0);
  }

  fault({ extensions, message }: GraphQLFormattedError): Uint8Array {
    const error = { code: extensions?.["code"], message };
    return Buffer.from(`${JSON.stringify({ error })}\n`);
  }
}
