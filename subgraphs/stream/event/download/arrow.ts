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
import type { ValueKind } from "../../generated.ts";
import { isText, type Cells } from "../cells.ts";
import type { FileColumn, FileRows, FileWriter } from "./format.ts";
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
      ...(this.namesStreams ? [repeated(streamId, length)] : []),
      dataOf("TIMESTAMP", timestamps),
      ...this.columns.map(({ kind }, i) =>
        dataOf(kind, columns[i] ?? noneOf(kind, length)),
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

const noneOf = (kind: ValueKind, length: number): Cells =>
  isText(kind)
    ? Array<null>(length).fill(null)
    : new Float64Array(length).fill(NaN);

function dataOf(kind: ValueKind, cells: Cells): Data {
  if (!(cells instanceof Float64Array)) return ofTexts(cells);
  const { length } = cells;
  const { bits: nullBitmap, count } = bitsOf(cells, (cell) => !isNaN(cell));
  const validity = { length, nullCount: length - count, nullBitmap };
  switch (kind) {
    case "FLOAT":
      return makeData({ ...validity, type: arrowTypes.FLOAT, data: cells });
    case "INTEGER":
      return makeData({
        ...validity,
        type: arrowTypes.INTEGER,
        data: int64s(cells),
      });
    case "TIMESTAMP":
      return makeData({
        ...validity,
        type: arrowTypes.TIMESTAMP,
        data: int64s(cells),
      });
    case "BOOLEAN":
      return makeData({
        ...validity,
        type: arrowTypes.BOOLEAN,
        data: bitsOf(cells, (cell) => cell === 1).bits,
      });
    case "TEXT":
    case "ENUM":
      throw new Error("A text is no number.");
  }
}

/** A bit a cell, and how many are set. */
function bitsOf<Cell>(
  cells: ArrayLike<Cell>,
  isSet: (cell: Cell) => boolean,
): { bits: Uint8Array; count: number } {
  const bits = new Uint8Array(Math.ceil(cells.length / 8));
  let count = 0;
  for (let i = 0; i < cells.length; i += 1) {
    if (!isSet(cells[i] as Cell)) continue;
    bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
    count += 1;
  }
  return { bits, count };
}

/** Whole numbers, NaN as 0; by halves, which is much faster than by way of BigInt. */
function int64s(numbers: Float64Array): BigInt64Array {
  const halves = new Int32Array(2 * numbers.length);
  for (let i = 0; i < numbers.length; i += 1) {
    const number = numbers[i] ?? 0;
    halves[2 * i] = number;
    halves[2 * i + 1] = Math.floor(number / 0x1_0000_0000);
  }
  return new BigInt64Array(halves.buffer);
}

function ofTexts(texts: readonly (string | null)[]): Data {
  const { length } = texts;
  const { bits: nullBitmap, count } = bitsOf(texts, (text) => text !== null);
  const pieces = texts.map((text) => Buffer.from(text ?? ""));
  const valueOffsets = new Int32Array(length + 1);
  for (const [i, piece] of pieces.entries())
    valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + piece.length;
  return makeData({
    type: arrowTypes.TEXT,
    ...{ length, nullCount: length - count, nullBitmap },
    ...{ valueOffsets, data: Buffer.concat(pieces) },
  });
}

/** A text of single bytes in each row. */
function repeated(text: string, rows: number): Data {
  const valueOffsets = Int32Array.from(
    { length: rows + 1 },
    (_, i) => i * text.length,
  );
  return makeData({
    type: arrowTypes.TEXT,
    ...{ length: rows, nullCount: 0 },
    ...{ valueOffsets, data: Buffer.alloc(rows * text.length, text) },
  });
}
