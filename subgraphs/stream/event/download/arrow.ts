import {
  Bool,
  type Data,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMicrosecond,
  Utf8,
  type DataType,
} from "apache-arrow";
import { microsOf } from "../../../../common/date-time.ts";
import type { ValueKind } from "../../generated.ts";
import type { FileColumn, FileRows, FileValue, FileWriter } from "./format.ts";
import { namesOf } from "./names.ts";

/** An Arrow IPC stream, a record batch for some rows each. One that is not whole has no end-of-stream marker. */
export class ArrowFile implements FileWriter {
  readonly contentType = "application/vnd.apache.arrow.stream";
  readonly extension = "arrows";
  private readonly schema: Schema;
  private readonly writer = new BatchWriter();

  constructor(
    private readonly columns: readonly FileColumn[],
    private readonly namesStreams: boolean,
  ) {
    const fields = [
      ...(namesStreams ? [{ kind: "TEXT", uom: null } as const] : []),
      { kind: "TIMESTAMP", uom: null } as const,
      ...columns,
    ];
    const names = namesOf(columns, namesStreams);
    this.schema = new Schema(
      fields.map(
        ({ kind, uom }, i) =>
          new Field(
            names[i] ?? "",
            arrowTypes[kind],
            true,
            uom === null ? null : new Map([["uom", uom]]),
          ),
      ),
    );
  }

  rows({ streamId, timestamps, columns }: FileRows): Uint8Array {
    const length = timestamps.length;
    const children: Data[] = [
      ...(this.namesStreams
        ? [dataOf("TEXT", Array<string>(length).fill(streamId))]
        : []),
      dataOf("TIMESTAMP", timestamps),
      ...this.columns.map(({ kind }, i) =>
        dataOf(kind, columns[i] ?? Array<null>(length).fill(null)),
      ),
    ];
    const type = new Struct(this.schema.fields);
    return this.writer.encode(
      new RecordBatch(
        this.schema,
        makeData({ type, length, nullCount: 0, children }),
      ),
    );
  }

  end(): Uint8Array {
    return this.writer.end();
  }

  fault(): null {
    return null;
  }
}

/** Writes batch by batch, each when it is there. */
class BatchWriter extends RecordBatchStreamWriter {
  private pieces: Uint8Array[] = [];

  encode(batch: RecordBatch): Uint8Array {
    this.write(batch);
    return this.take();
  }

  end(): Uint8Array {
    this.finish();
    return this.take();
  }

  protected override _write(chunk: ArrayBufferView): this {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this._position += bytes.length;
    this.pieces.push(bytes);
    return this;
  }

  private take(): Uint8Array {
    const bytes = Buffer.concat(this.pieces);
    this.pieces = [];
    return bytes;
  }
}

const arrowTypes = {
  FLOAT: new Float64(),
  INTEGER: new Int64(),
  BOOLEAN: new Bool(),
  TEXT: new Utf8(),
  ENUM: new Utf8(),
  TIMESTAMP: new TimestampMicrosecond("UTC"),
} satisfies Record<ValueKind, DataType>;

function dataOf(kind: ValueKind, values: readonly FileValue[]): Data {
  const length = values.length;
  const { bits: nullBitmap, count } = bitsOf(values, (value) => value !== null);
  const validity = { length, nullCount: length - count, nullBitmap };
  switch (kind) {
    case "FLOAT":
      return makeData({
        ...validity,
        type: arrowTypes.FLOAT,
        data: Float64Array.from(values, Number),
      });
    case "INTEGER":
      return makeData({
        ...validity,
        type: arrowTypes.INTEGER,
        data: int64s(values, Number),
      });
    case "TIMESTAMP":
      return makeData({
        ...validity,
        type: arrowTypes.TIMESTAMP,
        data: int64s(values, (value) => microsOf(String(value))),
      });
    case "BOOLEAN":
      return makeData({
        ...validity,
        type: arrowTypes.BOOLEAN,
        data: bitsOf(values, (value) => value === true).bits,
      });
    case "TEXT":
    case "ENUM":
      return makeData({ ...validity, type: arrowTypes.TEXT, ...texts(values) });
  }
}

/** A bit a value, and how many are set. */
function bitsOf(
  values: readonly FileValue[],
  isSet: (value: FileValue) => boolean,
): { bits: Uint8Array; count: number } {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  let count = 0;
  for (const [i, value] of values.entries()) {
    if (!isSet(value)) continue;
    bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
    count += 1;
  }
  return { bits, count };
}

/** Whole numbers; by halves, which is much faster than by way of BigInt. */
function int64s(
  values: readonly FileValue[],
  numberOf: (value: FileValue) => number,
): BigInt64Array {
  const halves = new Int32Array(2 * values.length);
  for (const [i, value] of values.entries()) {
    if (value === null) continue;
    const number = numberOf(value);
    halves[2 * i] = number >>> 0;
    halves[2 * i + 1] = Math.floor(number / 0x1_0000_0000);
  }
  return new BigInt64Array(halves.buffer);
}

function texts(values: readonly FileValue[]) {
  const pieces = values.map((value) =>
    Buffer.from(value === null ? "" : String(value)),
  );
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [i, { length }] of pieces.entries())
    valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + length;
  return { valueOffsets, data: Buffer.concat(pieces) };
}
