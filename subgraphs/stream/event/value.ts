import { parseMicros } from "../../../common/date-time.ts";
import type { ValueKind } from "./asked.ts";
import type { ValueProperty } from "./shape.ts";

export const maxTextBytes = 8 * 1024;

export type Stored = number | string;

type Storing = (value: unknown, property: ValueProperty) => Stored | undefined;

/** What is stored for a value of the property, null for null; undefined if it cannot have this value. */
export function storedOf(
  property: ValueProperty,
  value: unknown,
): Stored | null | undefined {
  return value === null ? null : storing[property.kind](value, property);
}

const storing: Record<ValueKind, Storing> = {
  FLOAT: (value) => (Number.isFinite(value) ? (value as number) : undefined),
  INTEGER: (value) =>
    Number.isSafeInteger(value) ? (value as number) : undefined,
  BOOLEAN: (value) => (typeof value === "boolean" ? Number(value) : undefined),
  TEXT: (value) =>
    typeof value === "string" && isStorable(value) ? value : undefined,
  TIMESTAMP: (value) =>
    typeof value === "string" ? (parseMicros(value) ?? undefined) : undefined,
  ENUM: (value, { states }) => {
    const place = states?.indexOf(value as string) ?? -1;
    return place < 0 ? undefined : place;
  },
};

/** What a property takes, in the words of an error. */
export function valuesOf({ kind, states }: ValueProperty): string {
  switch (kind) {
    case "FLOAT":
      return "a finite number";
    case "INTEGER":
      return "a whole number within ±(2^53−1)";
    case "BOOLEAN":
      return "true or false";
    case "TEXT":
      return "a text of at most 8 KiB of UTF-8 without NUL characters";
    case "TIMESTAMP":
      return "an RFC 3339 timestamp of the years 1970 to 2200";
    case "ENUM":
      return `one of ${states?.map((state) => JSON.stringify(state)).join(", ")}`;
  }
}

/** Neither NUL nor half a surrogate pair can be stored. */
const isStorable = (text: string) =>
  !/[\0\p{Cs}]/u.test(text) && Buffer.byteLength(text) <= maxTextBytes;
