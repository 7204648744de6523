import type { ValueKind } from "../generated.ts";

/** A property as far as the storing of its values goes. */
export interface ValueProperty {
  readonly name: string;
  readonly kind: ValueKind;
}

/** Where a property's values are stored: in the column for the first number, or at a place in one of the arrays. */
export interface Slot extends ValueProperty {
  readonly column: "value" | "numbers" | "texts";
  /** From 0; of no meaning in `value`. */
  readonly index: number;
}

/** An event as it is stored; the numbers and texts in the order of the type's properties. */
export interface StoredValues {
  readonly value: number | null;
  readonly numbers: readonly (number | null)[] | null;
  readonly texts: readonly (string | null)[] | null;
}

export type Value = number | boolean | string | null;

/** The slots of a type's properties, in the order of these. */
export function slotsOf(properties: readonly ValueProperty[]): Slot[] {
  let numbers = 0;
  let texts = 0;
  return properties.map(({ name, kind }) => {
    if (kind === "TEXT") return { name, kind, column: "texts", index: texts++ };
    const index = numbers++;
    return index === 0
      ? { name, kind, column: "value", index }
      : { name, kind, column: "numbers", index: index - 1 };
  });
}

/** What a slot holds, as the value of its property. */
export function valueIn(
  { column, index, kind }: Slot,
  { value, numbers, texts }: StoredValues,
): Value {
  if (column === "texts") return texts?.[index] ?? null;
  const number = column === "value" ? value : (numbers?.[index] ?? null);
  return kind === "BOOLEAN" && number !== null ? number !== 0 : number;
}
