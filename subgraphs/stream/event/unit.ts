import Qty from "js-quantities";
import { badInput } from "../../../common/errors.ts";
import type { ValueKind } from "./asked.ts";
import { outOfRange } from "./refusals.ts";
import { isNumeric, type Conversion, type Value } from "./shape.ts";

/** What of a property its unit depends on. */
export interface Measured {
  readonly name: string;
  readonly kind: ValueKind;
  readonly uom: string | null;
}

/** A temperature has a zero of its own; the library's names without it are of differences. */
const temperatures: Readonly<Record<string, string>> = {
  degC: "tempC",
  "°C": "tempC",
  Cel: "tempC",
  degF: "tempF",
  "°F": "tempF",
  K: "tempK",
  kelvin: "tempK",
};

const isTemperature = (uom: string) => uom.startsWith("temp");

/**
 * Properties as they are read in a unit: numbers that have one are converted, whatever has none stays as it is. A unit
 * that is unknown, or to which one of them cannot be converted, is refused by name.
 */
export function inUnit<Slot extends Measured>(
  slots: readonly Slot[],
  uom: string | null | undefined,
  at = "uom",
): readonly (Slot & { readonly conversion?: Conversion })[] {
  if (uom == null) return slots;
  const measured = slots.filter((slot) => isNumeric(slot.kind) && slot.uom);
  if (slots.length > 0 && measured.length === 0)
    throw badInput(
      `None of ${[...new Set(slots.map(({ name }) => `"${name}"`))].join(", ")} is a number with a unit, to be read in ${shown(uom)}. Leave uom out.`,
      at,
    );
  return slots.map((slot) => {
    if (!measured.includes(slot) || slot.uom === null || slot.uom === uom)
      return slot;
    const conversion = conversionOf(slot.name, slot.uom, uom, at);
    return { ...slot, kind: "FLOAT", uom, conversion };
  });
}

/** A value as it is read in another unit. */
export function converted(value: Value, conversion?: Conversion): Value {
  if (!conversion || typeof value !== "number") return value;
  const read = value * conversion.factor + conversion.offset;
  if (!Number.isFinite(read)) throw outOfRange();
  return read;
}

function conversionOf(
  property: string,
  from: string,
  to: string,
  at: string,
): Conversion {
  const [known, wanted] = [quantityOf(from), quantityOf(to)];
  if (wanted === null)
    throw badInput(
      `The unit ${shown(to)} is not known. Write one like "bar", "m3/h", "degC".`,
      at,
    );
  if (known === null)
    throw badInput(
      `Property "${property}" is measured in ${shown(from)}, which is not known and cannot be converted. Leave uom out.`,
      at,
    );
  const bothOrNone = isTemperature(known) === isTemperature(wanted);
  if (!bothOrNone || !Qty(1, known).isCompatible(wanted))
    throw badInput(
      `Property "${property}" is measured in ${shown(from)}, which cannot be converted to ${shown(to)}.`,
      at,
    );
  // Zero, and not what is left of it after some reckoning.
  const converted = (value: number) =>
    Number(Qty(value, known).to(wanted).scalar.toPrecision(14));
  if (!isTemperature(known)) return { factor: converted(1), offset: 0 };
  // From the differences: those of temperatures lose their last digits to the zero.
  const difference = (name: string) => name.replace("temp", "deg");
  const factor = Qty(1, difference(known)).to(difference(wanted)).scalar;
  return { factor: Number(factor.toPrecision(14)), offset: converted(0) };
}

/** No unit is longer, and the library takes a text's length squared to find that it is none. */
const maxUnitLength = 60;

/** The library's name for a unit, or null if it has none. */
function quantityOf(uom: string): string | null {
  if (uom.length > maxUnitLength) return null;
  const name = Object.hasOwn(temperatures, uom)
    ? (temperatures[uom] as string)
    : uom;
  try {
    return /\p{L}|%/u.test(name) && Qty.parse(`1 ${name}`) ? name : null;
  } catch {
    return null;
  }
}

const shown = (uom: string) => JSON.stringify(uom.slice(0, maxUnitLength));
