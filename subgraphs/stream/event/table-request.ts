import {
  getArgumentValues,
  getNamedType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
} from "graphql";
import { collectSubfields } from "graphql/execution/collectFields.js";
import { badInput } from "../../../common/errors.ts";
import type { EventTableColumnsArgs } from "../generated.ts";
import type { TableRequest } from "./page.ts";
import type { ValueProperty } from "./shape.ts";

/** What a query asks of a table, by whatever aliases, fragments and directives. */
export function requestOf(
  info: GraphQLResolveInfo,
  properties: readonly ValueProperty[],
): TableRequest {
  const table = getNamedType(info.returnType) as GraphQLObjectType;
  const names = new Set<string>();
  const columns = new Set<string>();
  const selected = collectSubfields(
    info.schema,
    info.fragments,
    info.variableValues,
    table,
    info.fieldNodes,
  );
  for (const [node] of selected.values()) {
    const definition = node && table.getFields()[node.name.value];
    if (!definition) continue; // __typename
    names.add(definition.name);
    if (definition.name !== "columns") continue;
    const args: EventTableColumnsArgs = getArgumentValues(
      definition,
      node,
      info.variableValues,
    );
    for (const { name } of named(properties, args)) columns.add(name);
  }
  if (names.has("values") && properties[0]) columns.add(properties[0].name);
  return {
    timestamps: names.has("timestamps"),
    endCursor: names.has("endCursor"),
    columns,
  };
}

/** The properties that the argument names, in its order; all of them without it. */
export function named<P extends ValueProperty>(
  properties: readonly P[],
  { properties: names }: EventTableColumnsArgs,
): readonly P[] {
  if (names == null) return properties;
  return names.map((name) => {
    const property = properties.find((property) => property.name === name);
    if (property) return property;
    throw badInput(
      `The stream has no property ${JSON.stringify(name.slice(0, 60))}. It has ${properties.map(({ name }) => `"${name}"`).join(", ")}.`,
      "properties",
    );
  });
}
