import type { ApolloServerPlugin, BaseContext } from "@apollo/server";
import {
  getNamedType,
  getNullableType,
  GraphQLError,
  GraphQLID,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  valueFromASTUntyped,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import { limitExceeded } from "../common/errors.ts";
import { defaultPageSize, maxPageSize } from "../common/page.ts";

/** Enough for a page of a hundred with a page of a hundred in each; far below what takes a process seconds. */
export const usualNodes = 20_000;

/**
 * Refuses an operation whose lists may hold more objects than that, before it is planned: lists within lists multiply, and
 * every object is resolved and written out at each place where it stands.
 */
export const limitNodes = <Context extends BaseContext>(
  most: number,
): ApolloServerPlugin<Context> => ({
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ schema, document, operation, request }) {
        if (!operation) return Promise.resolve();
        const nodes = Math.min(
          nodesOf(schema, document, operation, request.variables ?? {}),
          Number.MAX_SAFE_INTEGER,
        );
        if (nodes <= most) return Promise.resolve();
        const { message, extensions } = limitExceeded(
          "objects in the lists of a request, page sizes within each other multiplied",
          most,
          nodes,
          "Ask for smaller pages by first, or for fewer lists within lists.",
        );
        throw new GraphQLError(message, {
          extensions: { ...extensions, http: { status: 400 } },
        });
      },
    }),
});

type Variables = Readonly<Record<string, unknown>>;

/**
 * How many objects the lists of a valid operation hold at most, as far as it says so itself, by the sizes of pages and
 * by the ids that it gives. Other lists are short, and count as one object.
 */
export function nodesOf(
  schema: GraphQLSchema,
  { definitions }: DocumentNode,
  operation: OperationDefinitionNode,
  given: Variables,
): number {
  const fragments = new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION
        ? [[definition.name.value, definition] as const]
        : [],
    ),
  );
  const variables: Record<string, unknown> = {};
  for (const { variable, defaultValue } of operation.variableDefinitions ?? [])
    variables[variable.name.value] =
      given[variable.name.value] ??
      (defaultValue && valueFromASTUntyped(defaultValue));

  /** `size` is what the field around these has said of the lists in it. */
  function ofSet(
    set: SelectionSetNode,
    type: GraphQLNamedType | null | undefined,
    size: number,
  ): number {
    return set.selections.reduce((sum, selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return sum + ofField(selection, type, size);
        case Kind.INLINE_FRAGMENT: {
          const name = selection.typeCondition?.name.value;
          const of = name === undefined ? type : schema.getType(name);
          return sum + ofSet(selection.selectionSet, of, size);
        }
        case Kind.FRAGMENT_SPREAD: {
          const fragment = fragments.get(selection.name.value);
          if (!fragment) return sum;
          const of = schema.getType(fragment.typeCondition.name.value);
          return sum + ofSet(fragment.selectionSet, of, size);
        }
      }
    }, 0);
  }

  function ofField(
    node: FieldNode,
    parent: GraphQLNamedType | null | undefined,
    size: number,
  ): number {
    const field =
      isObjectType(parent) || isInterfaceType(parent)
        ? parent.getFields()[node.name.value]
        : undefined;
    if (!field || !node.selectionSet) return 0;
    const type = getNamedType(field.type);
    if (!isCompositeType(type)) return 0;
    const own = sizeOf(node, field, type, variables);
    return isListType(getNullableType(field.type))
      ? (own ?? size) * (1 + ofSet(node.selectionSet, type, 1))
      : ofSet(node.selectionSet, type, own ?? 1);
  }

  return ofSet(
    operation.selectionSet,
    schema.getRootType(operation.operation),
    1,
  );
}

/** What a field says of how much there is: the size of a page, or how many ids it is given. */
function sizeOf(
  { arguments: args = [] }: FieldNode,
  field: GraphQLField<unknown, unknown>,
  type: GraphQLNamedType,
  variables: Variables,
): number | null {
  const given: Record<string, unknown> = {};
  for (const { name, value } of args)
    given[name.value] = valueFromASTUntyped(value, variables);
  if (isObjectType(type) && "pageInfo" in type.getFields()) {
    const size = given["first"] ?? given["last"];
    if (typeof size !== "number") return defaultPageSize;
    // The list itself refuses what is beyond.
    return Math.min(Math.max(size, 0), maxPageSize);
  }
  const ids = field.args.map(({ name, type }) => idsIn(given[name], type));
  return Math.max(0, ...ids) || null;
}

/** The length of the longest list of ids. */
function idsIn(value: unknown, nullable: GraphQLInputType): number {
  const type = getNullableType(nullable);
  if (isListType(type))
    return Array.isArray(value) && getNamedType(type) === GraphQLID
      ? value.length
      : 0;
  if (!isInputObjectType(type) || typeof value !== "object" || value === null)
    return 0;
  const fields = value as Readonly<Record<string, unknown>>;
  return Math.max(
    0,
    ...Object.values(type.getFields()).map(({ name, type }) =>
      idsIn(fields[name], type),
    ),
  );
}
