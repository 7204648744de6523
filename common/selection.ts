import {
  getNamedType,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
} from "graphql";
import { collectSubfields } from "graphql/execution/collectFields.js";

/** Whether a query asks, below the field at hand, for one at the end of such a path through object types. */
export function asksFor(
  { schema, fragments, variableValues, ...field }: GraphQLResolveInfo,
  path: readonly string[],
): boolean {
  const reaches = (
    type: GraphQLOutputType,
    nodes: readonly FieldNode[],
    [name, ...rest]: readonly string[],
  ): boolean => {
    if (name === undefined) return true;
    const object = getNamedType(type) as GraphQLObjectType;
    const next = object.getFields()[name]?.type;
    const selected = collectSubfields(
      schema,
      fragments,
      variableValues,
      object,
      nodes,
    );
    return [...selected.values()].some(
      (group) =>
        next && group[0]?.name.value === name && reaches(next, group, rest),
    );
  };
  return reaches(field.returnType, field.fieldNodes, path);
}

/** Like `asksFor`, of the entities of a type that the field at hand refers to. */
export const asksEntitiesFor = (
  info: GraphQLResolveInfo,
  type: string,
  path: readonly string[],
): boolean =>
  asksFor(
    {
      ...info,
      returnType: info.schema.getType(type) as GraphQLObjectType,
    },
    path,
  );
