import {
  DataType,
  Precision,
  RecordBatchReader,
  TimeUnit,
  type Data,
  type RecordBatch,
  type Vector,
} from "apache-arrow";
import { isInRange, type Micros } from "../../../../common/date-time.ts";
import { badInput, limitExceeded } from "../../../../common/errors.ts";
import type { ValueProperty } from "../shape.ts";
import { storedOf } from "../value.ts";
import { framesOf } from "./arrow-frames.ts";
import {
  assertColumns,
  fault,
  maxRowBytes,
  shortened,
  type Reader,
  type Rows,
} from "./rows.ts";

/** An Arrow IPC stream. A timestamp without a zone is taken for UTC. */
export async function* arrow(
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<Rows, undefined> {
  let failure: unknown;
  async function* frames() {
    try {
      yield* framesOf(bytes);
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  let number = 0;
  try {
    const reader = await RecordBatchReader.from(frames());
    for await (const batch of reader) {
      number += 1;
      yield new ArrowRows(batch, number);
    }
  } catch (error) {
    if (failure instanceof Error) throw failure;
    // What the library says of a file that is not as it should be is no error of ours.
    throw fault(
      `record batch ${number}`,
      `it cannot be read: ${(error as Error).message}. Write plain columns without compression.`,
    );
  }
  if (number === 0) throw badInput("the file is empty.");
}

class ArrowRows implements Rows {
  readonly count: number;
  readonly columns: readonly string[];
  private readonly texts: readonly ((row: number) => number)[];

  constructor(
    private readonly batch: RecordBatch,
    private readonly number: number,
  ) {
    this.count = batch.numRows;
    this.columns = batch.schema.fields.map(({ name }) => name);
    assertColumns(this.columns.length, `record batch ${number}`);
    for (const [i, data] of batch.data.children.entries()) {
      const name = this.columns[i] ?? "";
      if (name === "" || this.columns.indexOf(name) < i)
        throw new Error(
          `${shortened(name)} is no name of its own for a column`,
        );
      if (!isWhole(data, this.count))
        throw new Error(`column ${shortened(name)} is shorter than its rows`);
    }
    this.texts = batch.data.children.flatMap((data, column) =>
      isText(data.type) ? [textBytes(data, this.vector(column))] : [],
    );
  }

  reader(column: number, property: ValueProperty): Reader {
    const data = this.dataOf(column);
    const read = this.valueReader(column, property);
    return (row) => (data.getValid(row) ? read(row) : null);
  }

  isEmpty(column: number, row: number): boolean {
    return !this.dataOf(column).getValid(row);
  }

  shown(column: number, row: number): string {
    const { type, values } = this.dataOf(column);
    const isPlain = DataType.isTimestamp(type) || DataType.isInt(type);
    const value: unknown = isPlain
      ? (values as BigInt64Array)[row]
      : this.vector(column).get(row);
    return typeof value === "string" ? shortened(value) : String(value);
  }

  cellsOf(): number {
    return this.columns.length;
  }

  /** Of its texts as they are read: many rows can share one that stands in the file once. */
  bytesOf(row: number): number {
    let bytes = 8 * this.columns.length;
    for (const bytesIn of this.texts) bytes += bytesIn(row);
    if (bytes > maxRowBytes)
      throw limitExceeded(
        "bytes in a row",
        maxRowBytes,
        bytes,
        "Send shorter texts.",
        this.placeOf(row),
      );
    return bytes;
  }

  placeOf(row: number): string {
    return `record batch ${this.number}, row ${row + 1}`;
  }

  private dataOf(column: number): Data {
    const data = this.batch.data.children[column];
    if (!data) throw new Error(`There is no column ${column}.`);
    return data;
  }

  private vector(column: number): Vector {
    const vector = this.batch.getChildAt(column);
    if (!vector) throw new Error(`There is no column ${column}.`);
    return vector;
  }

  /** Of cells that are not null. */
  private valueReader(column: number, property: ValueProperty): Reader {
    const { type, values } = this.dataOf(column);
    if (DataType.isTimestamp(type) && property.kind === "TIMESTAMP")
      return microsReader(type.unit, values as BigInt64Array);
    if (DataType.isFloat(type) && type.precision !== Precision.HALF)
      return (row) => storedOf(property, (values as Float64Array)[row]);
    if (DataType.isInt(type))
      return (row) =>
        storedOf(property, Number((values as BigInt64Array)[row]));
    if (DataType.isBool(type) || isText(type)) {
      const vector = this.vector(column);
      return (row) => storedOf(property, vector.get(row) ?? undefined);
    }
    return () => undefined;
  }
}

/** Texts, or a dictionary of them. */
function isText(type: DataType): boolean {
  const valueType = DataType.isDictionary(type)
    ? (type.dictionary as DataType)
    : type;
  return DataType.isUtf8(valueType) || DataType.isLargeUtf8(valueType);
}

/** How many bytes the text in a row has. */
function textBytes(data: Data, vector: Vector): (row: number) => number {
  const ofValue = (row: number) =>
    Buffer.byteLength(String(vector.get(row) ?? ""));
  if (!DataType.isDictionary(data.type)) return byOffsets(data);
  const [part, another] = data.dictionary?.data ?? [];
  // A dictionary that came in several parts is looked up as the library does.
  if (!part || another) return ofValue;
  const bytesAt = byOffsets(part);
  const indexes = data.values as Int32Array;
  return (row) => bytesAt(Number(indexes[row]));
}

/** None of a row that there is not, as its value is null. */
const byOffsets =
  ({ valueOffsets }: Data) =>
  (row: number) =>
    Math.max(
      Number(valueOffsets[row + 1] ?? 0) - Number(valueOffsets[row] ?? 0),
      0,
    );

/** Whether a column's buffers hold as many rows as it says that it has. */
function isWhole(data: Data, count: number): boolean {
  const { type, length, values, valueOffsets } = data;
  if (length < count) return false;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type))
    return valueOffsets.length > count;
  if (DataType.isBool(type)) return values.length * 8 >= count;
  return DataType.isNull(type) || values.length >= count;
}

const microsIn = {
  [TimeUnit.SECOND]: 1_000_000,
  [TimeUnit.MILLISECOND]: 1_000,
  [TimeUnit.MICROSECOND]: 1,
};

function microsReader(unit: TimeUnit, values: BigInt64Array): Reader {
  const inRange = (micros: Micros) => (isInRange(micros) ? micros : undefined);
  if (unit === TimeUnit.NANOSECOND)
    return (row) => {
      const nanos = values[row] ?? 1n;
      return nanos % 1000n === 0n ? inRange(Number(nanos / 1000n)) : undefined;
    };
  const factor = microsIn[unit];
  // By halves, which is much faster than by way of BigInt.
  const halves = new Int32Array(
    values.buffer,
    values.byteOffset,
    2 * values.length,
  );
  return (row) =>
    inRange(
      ((halves[2 * row + 1] ?? 0) * 0x1_0000_0000 +
        ((halves[2 * row] ?? 0) >>> 0)) *
        factor,
    );
}
