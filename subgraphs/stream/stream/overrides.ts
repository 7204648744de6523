import { badInput } from "../../../common/errors.ts";
import type { Interpolation, PropertyOverrideInput } from "../generated.ts";
import { uomFrom } from "../stream-type/uom.ts";

/** What a stream does otherwise than its type, of the property at a position; null: as the type does. */
export interface Override {
  readonly position: number;
  readonly uom: string | null;
  readonly interpolation: Interpolation | null;
}

/** What of a property can be overridden. */
interface Overridable {
  readonly name: string;
  readonly uom: string | null;
  readonly interpolation: Interpolation;
}

export function overridesFrom(
  inputs: readonly PropertyOverrideInput[],
  properties: readonly Overridable[],
  at: string,
): Override[] {
  const met = new Set<number>();
  return inputs.map(({ property, uom, interpolation }, i) => {
    const place = `${at}.${i}.property`;
    const position = properties.findIndex(({ name }) => name === property);
    if (position < 0)
      throw badInput(
        `The stream's type has no property of this name. It has: ${properties.map(({ name }) => name).join(", ")}.`,
        place,
      );
    if (met.has(position))
      throw badInput("This property is overridden twice. Keep one.", place);
    met.add(position);
    return {
      position,
      uom: uomFrom(uom, `${at}.${i}.uom`),
      interpolation: interpolation ?? null,
    };
  });
}

/** The type's properties as the stream has them: DISCRETE on the type always wins. */
export const overridden = <Property extends Overridable>(
  properties: readonly Property[],
  overrides: readonly Override[],
): Property[] =>
  properties.map((property, position) => {
    const override = overrides.find((one) => one.position === position);
    return {
      ...property,
      uom: override?.uom ?? property.uom,
      interpolation:
        property.interpolation === "DISCRETE"
          ? "DISCRETE"
          : (override?.interpolation ?? property.interpolation),
    };
  });
