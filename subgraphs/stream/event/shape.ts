import { dateTimeOf } from "../../../common/date-time.ts";
import type { Interpolation, ValueKind } from "./asked.ts";

/** A property as far as its values go. */
export interface ValueProperty {
  readonly name: string;
  readonly kind: ValueKind;
  /** Of an ENUM, else null. */
  readonly states: readonly string[] | null;
}

/** Where a property's values are stored: in the column for the first number, or at a place in one of the arrays. */
export interface Slot extends ValueProperty {
  readonly column: "value" | "numbers" | "texts";
  /** From 0; of no meaning in `value`. */
  readonly index: number;
}

/** A property as a stream has it: what can be read of it. */
export interface ReadSlot extends Slot {
  readonly uom: string | null;
  readonly interpolation: Interpolation;
  /** From what is stored, if it is read in another unit. */
  readonly conversion?: Conversion;
}

export interface Conversion {
  readonly factor: number;
  readonly offset: number;
}

export const isNumeric = (kind: ValueKind): boolean =>
  kind === "FLOAT" || kind === "INTEGER";

/** Statements are prepared for the reads that are frequent; there is no end of those of several properties. */
export const isUsual = (asked: readonly Slot[]): boolean =>
  asked.length < 2 && asked.every(({ index }) => index === 0);

/**
 * An event as it is stored; the numbers and texts in the order of the type's properties. A BOOLEAN is 0 or 1, a
 * TIMESTAMP its microseconds since 1970, an ENUM the place of its state, from 0: all of them exact in a float8.
 */
export interface StoredValues {
  readonly value: number | null;
  readonly numbers: readonly (number | null)[] | null;
  readonly texts: readonly (string | null)[] | null;
}

export type Value = number | boolean | string | null;

/** The slots of a type's properties, in the order of these. */
export function slotsOf<Property extends ValueProperty>(
  properties: readonly Property[],
): (Property & Slot)[] {
  let numbers = 0;
  let texts = 0;
  return properties.map((property) => {
    if (property.kind === "TEXT")
      return { ...property, column: "texts", index: texts++ };
    const index = numbers++;
    return index === 0
      ? { ...property, column: "value", index }
      : { ...property, column: "numbers", index: index - 1 };
  });
}

/** What a slot holds, as the value of its property. */
export function valueIn(
  { column, index, kind, states }: Slot,
  { value, numbers, texts }: StoredValues,
): Value {
  if (column === "texts") return texts?.[index] ?? null;
  const number = column === "value" ? value : (numbers?.[index] ?? null);
  return number === null ? null : valueOf({ kind, states }, number);
}

/** What a number is stored for. */
export function valueOf(
  { kind, states }: Pick<ValueProperty, "kind" | "states">,
  number: number,
): Value {
  switch (kind) {
    case "BOOLEAN":
      return number !== 0;
    case "TIMESTAMP":
      return dateTimeOf(number);
    case "ENUM":
      return states?.[number] ?? null;
    case "FLOAT":
    case "INTEGER":
    case "TEXT":
      return number;
  }
}
