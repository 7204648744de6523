import { fault } from "./rows.ts";

/** What a message of an Arrow IPC stream says of itself, as far as it is believed. */
export interface ArrowMessage {
  readonly kind: "schema" | "dictionary batch" | "record batch";
  readonly bodyBytes: number;
  readonly dictionary: DictionaryBatch | null;
}

/** It is a dictionary anew, or a part that is added to one. */
export interface DictionaryBatch {
  readonly id: number;
  readonly isPart: boolean;
}

/** Types by their number in the format: null, int, floating point, utf8, bool, timestamp, large utf8. */
const taken = new Set([1, 2, 3, 5, 6, 10, 20]);
const kinds = [null, "schema", "dictionary batch", "record batch"] as const;
const maxFields = 1_002;
const maxRows = 2 ** 25;

/**
 * Checks the metadata of a message before the library reads it: that believes every number in it, and would loop and
 * allocate by lengths that no message can have, or follow nested types for ever.
 */
export function checkedMessage(metadata: Buffer, place: string): ArrowMessage {
  try {
    const message = new Table(metadata, metadata.readUInt32LE());
    const kind = kinds[message.byte(1)] ?? null;
    const header = message.table(2);
    const bodyBytes = message.int64(3);
    if (kind === null || !header || bodyBytes < 0 || !message.vector(4).fits(4))
      throw new RangeError("the message is of no kind that there is");
    if (kind === "schema") checkSchema(header);
    else if (kind === "record batch") checkBatch(header);
    else checkDictionary(header, bodyBytes);
    const dictionary =
      kind === "dictionary batch"
        ? { id: header.int64(0), isPart: header.byte(2) !== 0 }
        : null;
    return { kind, bodyBytes, dictionary };
  } catch (error) {
    // What is read beyond the metadata's end among it.
    throw fault(
      place,
      `this is no message of an Arrow IPC stream that can be read: ${(error as Error).message}.`,
    );
  }
}

function checkSchema(schema: Table): void {
  const fields = schema.vector(1);
  if (fields.length > maxFields || !schema.vector(2).fits(4))
    throw new RangeError(`a file has at most ${maxFields} columns`);
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields.table(i);
    if (!taken.has(field.byte(2)) || field.vector(5).length > 0)
      throw new RangeError(
        `column ${i + 1} is of a type that is not taken; write floats, integers, booleans, texts or timestamps`,
      );
    if (!field.vector(6).fits(4))
      throw new RangeError("its metadata is broken");
  }
}

function checkDictionary(dictionary: Table, bodyBytes: number): void {
  const batch = dictionary.table(1);
  checkBatch(batch);
  // The library makes place for each value before it looks for one.
  if ((batch?.int64(0) ?? 0) > bodyBytes)
    throw new RangeError("it has fewer bytes than values");
}

function checkBatch(batch: Table | null): void {
  const length = batch?.int64(0) ?? -1;
  const nodes = batch?.vector(1);
  if (
    !batch ||
    !nodes ||
    length < 0 ||
    length > maxRows ||
    !nodes.fits(16) ||
    !batch.vector(2).fits(16)
  )
    throw new RangeError("its lengths are impossible");
  if (batch.table(3)) throw new RangeError("it is compressed; write it plain");
  if (batch.vector(4).length > 0) throw new RangeError("views are not taken");
  for (let i = 0; i < nodes.length; i += 1) {
    const [rows, nulls] = [nodes.int64(16 * i), nodes.int64(16 * i + 8)];
    if (rows !== length || nulls < 0 || nulls > length)
      throw new RangeError(`column ${i + 1} has not as many rows as the batch`);
  }
}

/** A table of a flatbuffer. What is read beyond the buffer is a RangeError of the buffer's. */
class Table {
  constructor(
    private readonly bytes: Buffer,
    private readonly at: number,
  ) {}

  byte(field: number): number {
    const at = this.find(field);
    return at === null ? 0 : this.bytes.readUInt8(at);
  }

  int64(field: number): number {
    const at = this.find(field);
    return at === null ? 0 : Number(this.bytes.readBigInt64LE(at));
  }

  table(field: number): Table | null {
    const at = this.find(field);
    return at === null
      ? null
      : new Table(this.bytes, at + this.bytes.readUInt32LE(at));
  }

  vector(field: number): Vector {
    const at = this.find(field);
    return new Vector(
      this.bytes,
      at === null ? null : at + this.bytes.readUInt32LE(at),
    );
  }

  /** Where a field is; null if the table leaves it out. */
  private find(field: number): number | null {
    const { bytes, at } = this;
    const fields = at - bytes.readInt32LE(at);
    const place = 4 + 2 * field;
    const offset =
      place < bytes.readUInt16LE(fields)
        ? bytes.readUInt16LE(fields + place)
        : 0;
    return offset === 0 ? null : at + offset;
  }
}

class Vector {
  readonly length: number;

  constructor(
    private readonly bytes: Buffer,
    private readonly at: number | null,
  ) {
    this.length = at === null ? 0 : bytes.readUInt32LE(at);
  }

  /** Whether so many elements of this size can be there. */
  fits(size: number): boolean {
    return this.length * size <= this.bytes.length;
  }

  table(i: number): Table {
    const at = (this.at ?? 0) + 4 + 4 * i;
    return new Table(this.bytes, at + this.bytes.readUInt32LE(at));
  }

  int64(offset: number): number {
    return Number(this.bytes.readBigInt64LE((this.at ?? 0) + 4 + offset));
  }
}
