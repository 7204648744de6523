import { badInput } from "../../../common/errors.ts";

/** What of a table is asked for, and nothing else is built. */
export interface TableRequest {
  readonly timestamps: boolean;
  readonly endCursor: boolean;
  /** The first property's. */
  readonly values: boolean;
  /** Names of properties, as often as columns are asked for; null for all. */
  readonly columns: readonly (readonly string[] | null)[];
}

/** The properties that a request asks for, in the order of the type. */
export function askedFor<Property extends { readonly name: string }>(
  { values, columns }: TableRequest,
  properties: readonly Property[],
): Property[] {
  const names = new Set(columns.flat().filter((name) => name !== null));
  for (const name of names) propertyOf(name, properties);
  const isWhole = columns.includes(null);
  return properties.filter(
    ({ name }, i) => isWhole || names.has(name) || (values && i === 0),
  );
}

/** The one of a name; one that is not there is refused with those that are. */
export function propertyOf<Property extends { readonly name: string }>(
  wanted: string,
  properties: readonly Property[],
  at = "properties",
): Property {
  const property = properties.find(({ name }) => name === wanted);
  if (property) return property;
  throw badInput(
    `The stream has no property ${JSON.stringify(wanted.slice(0, 60))}. It has ${properties.map(({ name }) => `"${name}"`).join(", ")}.`,
    at,
  );
}
