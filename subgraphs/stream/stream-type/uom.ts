import { nameFrom } from "../../../common/text.ts";

/** A unit of measure as it is stored, or null for none. */
export const uomFrom = (
  uom: string | null | undefined,
  at: string,
): string | null => (uom == null ? null : nameFrom(uom, at, 50));
