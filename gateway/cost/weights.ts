import {
  buildASTSchema,
  getDirectiveValues,
  getNamedType,
  isCompositeType,
  parse,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
} from "graphql";

/** What `@listSize` says of a field. */
export interface ListSize {
  readonly assumedSize?: number | null;
  /** Of these arguments one says how many there are. */
  readonly slicingArguments?: readonly string[] | null;
  /** Where the field answers an object that holds the lists: which they are. */
  readonly sizedFields?: readonly string[] | null;
}

type Field = GraphQLField<unknown, unknown>;

/** A mutation opens a transaction, takes locks and writes into the ledger. */
const mutationWeight = 100;

/** What the supergraph says, by `@cost` and `@listSize`, of what its fields cost. */
export class Weights {
  /** The composed schema, with all that is said in it. */
  readonly schema: GraphQLSchema;
  private readonly listSizes = new Map<Field, ListSize | undefined>();
  private readonly weights = new Map<Field | GraphQLArgument, number>();

  constructor(supergraphSdl: string) {
    this.schema = buildASTSchema(parse(supergraphSdl, { noLocation: true }), {
      assumeValidSDL: true,
    });
  }

  /** Of one object or value that the field answers: its own, or that of its type; an object is 1, a value is free. */
  ofField(field: Field): number {
    return remembered(this.weights, field, () => {
      const type = getNamedType(field.type);
      const mutations = this.schema.getMutationType()?.getFields();
      return (
        this.costOf(field) ??
        (mutations?.[field.name] === field ? mutationWeight : undefined) ??
        this.costOf(type) ??
        (isCompositeType(type) ? 1 : 0)
      );
    });
  }

  /** Of an argument that is given. */
  ofArgument(argument: GraphQLArgument): number {
    return remembered(this.weights, argument, () => this.costOf(argument) ?? 0);
  }

  listSizeOf(field: Field): ListSize | undefined {
    return remembered(this.listSizes, field, () =>
      this.said("listSize", field),
    );
  }

  private costOf(
    element: Field | GraphQLArgument | GraphQLNamedType,
  ): number | undefined {
    return this.said("cost", element)?.["weight"] as number | undefined;
  }

  private said(
    name: string,
    { astNode }: Field | GraphQLArgument | GraphQLNamedType,
  ): Record<string, unknown> | undefined {
    const directive = this.schema.getDirective(name);
    if (!directive || !astNode) return undefined;
    return getDirectiveValues(directive, astNode);
  }
}

function remembered<Key, Value>(
  values: Map<Key, Value>,
  key: Key,
  make: () => Value,
): Value {
  const known = values.get(key);
  if (known !== undefined || values.has(key)) return known as Value;
  const value = make();
  values.set(key, value);
  return value;
}
