import type { ValueKind } from "./asked.ts";

/**
 * The values of a column that `asCells` packed. Numbers are as they are stored, times among them in microseconds since
 * 1970, and NaN is none.
 */
export type Cells = Float64Array | readonly (string | null)[];

/** Texts are JSON; what is a number, or is stored as one, takes eight bytes. */
export type PackedCells = string | Buffer;

/** Whether values of this kind are texts as they are read. */
export const isText = (kind: ValueKind): kind is "TEXT" | "ENUM" =>
  kind === "TEXT" || kind === "ENUM";

export function cellsIn(
  kind: ValueKind,
  packed: PackedCells | undefined,
): Cells {
  if (isText(kind)) return JSON.parse(String(packed)) as (string | null)[];
  return kind === "TIMESTAMP" ? timesIn(packed) : numbersIn(packed);
}

/** From the order of bytes that PostgreSQL sends to the machine's own. */
export function numbersIn(packed: PackedCells | undefined): Float64Array {
  const view = viewOf(packed);
  const numbers = new Float64Array(view.byteLength / 8);
  for (let i = 0; i < numbers.length; i += 1)
    numbers[i] = view.getFloat64(8 * i);
  return numbers;
}

/** Since 1970, when it counts from the beginning of 2000. */
const begin = Date.UTC(2000, 0) * 1000;
const half = 2 ** 32;
/** The upper half of a time without end. */
const endless = 0x7fff_ffff;

/** By halves, which is much faster than by way of BigInt. */
export function timesIn(packed: PackedCells | null | undefined): Float64Array {
  const view = viewOf(packed);
  const times = new Float64Array(view.byteLength / 8);
  for (let i = 0; i < times.length; i += 1) {
    const upper = view.getInt32(8 * i);
    times[i] =
      upper === endless
        ? NaN
        : upper * half + view.getUint32(8 * i + 4) + begin;
  }
  return times;
}

function viewOf(packed: PackedCells | null | undefined): DataView {
  if (!Buffer.isBuffer(packed)) throw new Error("This column has no bytes.");
  return new DataView(packed.buffer, packed.byteOffset, packed.length);
}
