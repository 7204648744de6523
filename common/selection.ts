import {
  getNamedType,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
} from "graphql";
import { collectSubfields } from "graphql/execution/collectFields.js";

/** The fields that a query asks for, below the one at hand, at the end of such a path through object types. */
export function fieldsAskedFor(
  { schema, fragments, variableValues, ...field }: GraphQLResolveInfo,
  path: readonly string[],
): ReadonlySet<string> {
  const asked = (
    type: GraphQLOutputType,
    nodes: readonly FieldNode[],
    [name, ...rest]: readonly string[],
  ): string[] => {
    const object = getNamedType(type) as GraphQLObjectType;
    const selected = collectSubfields(
      schema,
      fragments,
      variableValues,
      object,
      nodes,
    );
    return [...selected.values()].flatMap((group) => {
      const selectedName = group[0]?.name.value ?? "";
      if (name === undefined) return [selectedName];
      const next = object.getFields()[name]?.type;
      return next && selectedName === name ? asked(next, group, rest) : [];
    });
  };
  return new Set(asked(field.returnType, field.fieldNodes, path));
}

/** Whether a query asks, below the field at hand, for one at the end of such a path through object types. */
export const asksFor = (
  info: GraphQLResolveInfo,
  path: readonly string[],
): boolean => fieldsAskedFor(info, path.slice(0, -1)).has(path.at(-1) ?? "");

/** The fields that a query asks for of the entities of a type that the field at hand refers to. */
export const entityFieldsAskedFor = (
  info: GraphQLResolveInfo,
  type: string,
): ReadonlySet<string> =>
  fieldsAskedFor(
    {
      ...info,
      returnType: info.schema.getType(type) as GraphQLObjectType,
    },
    [],
  );
