import {
  getNamedType,
  getNullableType,
  GraphQLID,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  valueFromASTUntyped,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { assertPageSize } from "../../common/page.ts";
import type { ListSize, Weights } from "./weights.ts";

type Values = Readonly<Record<string, unknown>>;

/** What the field around a selection has said of the lists in it. */
interface Around {
  readonly sizedFields: readonly string[];
  readonly size: number;
  /** How many things it was given by id, if any. */
  readonly ids: number | null;
}

const silent: Around = { sizedFields: [], size: 0, ids: null };

/** What every graph has, to tell of itself. */
const describing: Readonly<
  Record<string, GraphQLField<unknown, unknown> | undefined>
> = { __schema: SchemaMetaFieldDef, __type: TypeMetaFieldDef };

/** Of a list of which nobody says how long it is: a stream's properties, a client's secrets. */
const shortList = 5;

/**
 * What a valid operation costs at most, told from its text and variables alone: each object and value by its weight,
 * as often as the lists around it say that there may be one. Throws for a page that is too long.
 */
export function costOf(
  weights: Weights,
  { definitions }: DocumentNode,
  operation: OperationDefinitionNode,
  given: Values,
): number {
  const { schema } = weights;
  const fragments = new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION
        ? [[definition.name.value, definition] as const]
        : [],
    ),
  );
  const costs = new Map<string, number>();
  const variables = variablesOf(operation, given);

  const ofSet = (
    set: SelectionSetNode | undefined,
    type: GraphQLNamedType | undefined,
    around: Around,
  ): number =>
    (set?.selections ?? []).reduce(
      (sum, selection) => plus(sum, ofSelection(selection, type, around)),
      0,
    );

  function ofSelection(
    selection: SelectionNode,
    type: GraphQLNamedType | undefined,
    around: Around,
  ): number {
    if (isLeftOut(selection, variables)) return 0;
    switch (selection.kind) {
      case Kind.FIELD:
        return ofField(selection, type, around);
      case Kind.INLINE_FRAGMENT: {
        const name = selection.typeCondition?.name.value;
        const of = name === undefined ? type : schema.getType(name);
        return ofSet(selection.selectionSet, of, around);
      }
      case Kind.FRAGMENT_SPREAD:
        return ofFragment(selection.name.value, around);
    }
  }

  /** Each fragment is measured once for each of the places that say the same of its lists. */
  function ofFragment(name: string, around: Around): number {
    const key = JSON.stringify([name, around]);
    const known = costs.get(key);
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    const type = schema.getType(fragment?.typeCondition.name.value ?? "");
    const cost = ofSet(fragment?.selectionSet, type, around);
    costs.set(key, cost);
    return cost;
  }

  function ofField(
    node: FieldNode,
    parent: GraphQLNamedType | undefined,
    around: Around,
  ): number {
    const name = node.name.value;
    const field =
      isObjectType(parent) || isInterfaceType(parent)
        ? (parent.getFields()[name] ?? describing[name])
        : undefined;
    // What every type has names it.
    if (!field) return 0;
    const args = argumentsOf(node, field, variables);
    const said = weights.listSizeOf(field);
    const size = sizeOf(said, args);
    const ids = idsIn(args, field.args);
    const sizedFields = said?.sizedFields ?? [];
    const isList = isListType(getNullableType(field.type));
    const count = isList
      ? around.sizedFields.includes(field.name)
        ? around.size
        : (size ?? ids ?? around.ids ?? shortList)
      : 1;
    const each = plus(
      weights.ofField(field),
      ofSet(node.selectionSet, getNamedType(field.type), {
        sizedFields,
        size: size ?? shortList,
        ids: isList ? null : ids,
      }),
    );
    return field.args.reduce(
      (sum, argument) =>
        args[argument.name] == null
          ? sum
          : plus(sum, weights.ofArgument(argument)),
      times(count, each),
    );
  }

  const root = schema.getRootType(operation.operation);
  return ofSet(operation.selectionSet, root ?? undefined, silent);
}

/** Fragments in fragments, and lists in lists, double with every line. */
const bounded = (cost: number) => Math.min(cost, Number.MAX_SAFE_INTEGER);
const plus = (a: number, b: number) => bounded(a + b);
const times = (a: number, b: number) => bounded(a * b);

function variablesOf(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Values,
): Values {
  const values = Object.create(null) as Record<string, unknown>;
  for (const { variable, defaultValue } of variableDefinitions) {
    const name = variable.name.value;
    values[name] = Object.hasOwn(given, name)
      ? given[name]
      : defaultValue && valueFromASTUntyped(defaultValue);
  }
  return values;
}

/** Arguments as they are given, or as they are by default. */
function argumentsOf(
  { arguments: nodes = [] }: FieldNode,
  field: GraphQLField<unknown, unknown>,
  variables: Values,
): Values {
  const values = Object.create(null) as Record<string, unknown>;
  for (const { name, value } of nodes)
    values[name.value] = valueFromASTUntyped(value, variables);
  for (const { name, defaultValue } of field.args)
    values[name] ??= defaultValue;
  return values;
}

/** How many a list says that it holds, by its arguments or by what is assumed. */
function sizeOf(said: ListSize | undefined, args: Values): number | null {
  for (const name of said?.slicingArguments ?? []) {
    const size = args[name];
    if (typeof size !== "number") continue;
    assertPageSize(size, name);
    // The list itself refuses what is below nothing.
    return Math.max(size, 0);
  }
  return said?.assumedSize ?? null;
}

/** How many answers things given by id make: one for each, of several lists for each of their pairs; null for none. */
function idsIn(
  values: Values,
  fields: readonly { name: string; type: GraphQLInputType }[],
): number | null {
  const counts = fields
    .map(({ name, type }) => idsAt(values[name], type))
    .filter((count) => count !== null);
  return counts.length > 0 ? counts.reduce(times) : null;
}

function idsAt(value: unknown, nullable: GraphQLInputType): number | null {
  if (value == null) return null;
  const type = getNullableType(nullable);
  if (isListType(type))
    return isOfThings(getNamedType(type))
      ? Array.isArray(value)
        ? value.length
        : 1
      : null;
  return isInputObjectType(type) && typeof value === "object"
    ? idsIn(value as Values, Object.values(type.getFields()))
    : null;
}

/** Whether each value names a thing by its id. */
const isOfThings = (type: GraphQLNamedType): boolean =>
  type === GraphQLID ||
  (isInputObjectType(type) &&
    Object.values(type.getFields()).some(
      ({ type }) => getNullableType(type) === GraphQLID,
    ));

/** Whether `@skip` or `@include` leaves it out, whatever else there is. */
const isLeftOut = (
  { directives = [] }: SelectionNode,
  variables: Values,
): boolean =>
  directives.some(({ name, arguments: [condition] = [] }) => {
    if (!condition) return false;
    const value: unknown = valueFromASTUntyped(condition.value, variables);
    return name.value === "skip"
      ? value === true
      : name.value === "include" && value === false;
  });
