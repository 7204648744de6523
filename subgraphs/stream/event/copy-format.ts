import type { Micros } from "../../../common/date-time.ts";
import type { EventColumns } from "./asked.ts";

const epoch2000: Micros = 946_684_800_000_000;
/** As PostgreSQL counts it: microseconds since 2000. */
export const postgresTimeOf = (time: Micros): number => time - epoch2000;

const oids = { float8: 701, text: 25 };
const chunkBytes = 1 << 16;

/** Events in PostgreSQL's binary COPY format, as tenant_id, stream_id, ts, value, numbers, texts. */
export class EventCopy {
  private readonly full: Buffer[] = [];
  // Zeroed, lest memory of other requests is ever sent for events.
  private chunk = Buffer.alloc(chunkBytes);
  // Twice as fast as the buffer's own way to write numbers.
  private view = viewOf(this.chunk);
  private used = 0;
  count = 0;

  constructor() {
    this.used = this.chunk.write("PGCOPY\n\xff\r\n\0", "latin1");
    this.int32(0); // flags
    this.int32(0); // length of the header's extension
  }

  add(events: EventColumns, row: number): void {
    this.int16(6);
    this.int32(4);
    this.int32(events.tenantRowId);
    this.int32(4);
    this.int32(events.streamRowId);
    this.int32(8);
    this.int64(postgresTimeOf(events.timestamps[row] ?? 0));
    this.float8(events.value?.[row] ?? null);
    this.numbers(events, row);
    this.texts(events, row);
    this.count += 1;
  }

  /** To be called once, at the end. */
  chunks(): Buffer[] {
    this.int16(-1);
    return [...this.full, this.chunk.subarray(0, this.used)];
  }

  private numbers({ numbers }: EventColumns, row: number): void {
    if (numbers.length === 0) return this.int32(-1);
    const values = numbers.map((column) => column?.[row] ?? null);
    this.arrayHead(
      oids.float8,
      values.length,
      byteCount(values, () => 8),
    );
    for (const value of values) this.float8(value);
  }

  private texts({ texts }: EventColumns, row: number): void {
    if (texts.length === 0) return this.int32(-1);
    const values = texts.map((column) => column?.[row] ?? null);
    const bytes = byteCount(values, (text) => Buffer.byteLength(text));
    this.arrayHead(oids.text, values.length, bytes);
    for (const value of values) this.text(value);
  }

  private arrayHead(elementOid: number, length: number, bytes: number): void {
    this.int32(20 + bytes);
    this.int32(1); // dimensions
    this.int32(1); // may hold nulls
    this.int32(elementOid);
    this.int32(length);
    this.int32(1); // the first index
  }

  private float8(value: number | null): void {
    if (value === null) return this.int32(-1);
    this.int32(8);
    // A zero has no sign: JSON.stringify writes none, and PostgreSQL would.
    const at = this.room(8);
    this.view.setFloat64(at, value + 0);
  }

  private text(value: string | null): void {
    if (value === null) return this.int32(-1);
    const bytes = Buffer.byteLength(value);
    this.int32(bytes);
    const at = this.room(bytes);
    this.chunk.write(value, at);
  }

  private int16(value: number): void {
    const at = this.room(2);
    this.view.setInt16(at, value);
  }

  private int32(value: number): void {
    const at = this.room(4);
    this.view.setInt32(at, value);
  }

  /** Of a whole number within ±2^53; twice as fast as by way of BigInt. */
  private int64(value: number): void {
    this.int32(Math.floor(value / 0x1_0000_0000));
    const at = this.room(4);
    this.view.setUint32(at, value >>> 0);
  }

  /** Where in the chunk so many bytes go, which may be another chunk from now on. */
  private room(bytes: number): number {
    if (this.used + bytes > this.chunk.length) {
      this.full.push(this.chunk.subarray(0, this.used));
      this.chunk = Buffer.alloc(Math.max(chunkBytes, bytes));
      this.view = viewOf(this.chunk);
      this.used = 0;
    }
    const at = this.used;
    this.used += bytes;
    return at;
  }
}

const viewOf = ({ buffer, byteOffset, length }: Buffer) =>
  new DataView(buffer, byteOffset, length);

/** Of an array's elements, each with its length in front. */
function byteCount<T>(
  values: readonly (T | null)[],
  bytesOf: (value: T) => number,
): number {
  return values.reduce(
    (sum, value) => sum + 4 + (value === null ? 0 : bytesOf(value)),
    0,
  );
}
