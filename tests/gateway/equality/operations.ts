import {
  getNamedType,
  GraphQLNonNull,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
  OperationTypeNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from "graphql";
import { hash } from "./made-up.ts";

export interface Generated {
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/** Names that a client may choose, some of which objects inherit. */
const aliases = ["a", "b", "c", "constructor", "toString", "__proto__", "data"];

/** Draws by which a number decides everything: the same each time. */
export class Draw {
  private drawn = 0;

  constructor(private readonly number: number) {}

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  below(count: number): number {
    this.drawn += 1;
    return hash(`${this.number} ${this.drawn}`) % count;
  }

  chance(probability: number): boolean {
    return this.below(1000) < probability * 1000;
  }
}

/** What operations are made of besides the schema. */
export interface Words {
  /** How likely a mutation is. */
  readonly mutations: number;
  /** How likely a field of an input is given that need not be. */
  readonly optional: number;
  /** A value of a scalar type, at the field or argument and below it at these names. */
  readonly scalar: (
    type: string,
    place: readonly string[],
    draw: Draw,
  ) => unknown;
}

const plainWords: Words = {
  mutations: 0.12,
  optional: 0,
  scalar(type, _, draw) {
    switch (type) {
      case "Int":
        return draw.below(4);
      case "Float":
        return draw.below(8) / 4;
      case "Boolean":
        return draw.chance(0.5);
      case "ID":
        return `Product-${draw.below(4)}`;
      default:
        return `t${draw.below(3)}`;
    }
  },
};

/** The operation of a number: the same each time. */
export const generate = (
  schema: GraphQLSchema,
  number: number,
  words = plainWords,
): Generated => new Generator(schema, new Draw(number), words).operation();

class Generator {
  private readonly definitions: string[] = [];
  private readonly fragments: string[] = [];
  private readonly variables: Record<string, unknown> = {};

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly draw: Draw,
    private readonly words: Words,
  ) {}

  operation(): Generated {
    const isMutation =
      this.schema.getMutationType() && this.draw.chance(this.words.mutations);
    const kind = isMutation
      ? OperationTypeNode.MUTATION
      : OperationTypeNode.QUERY;
    const root = this.schema.getRootType(kind) as GraphQLCompositeType;
    const set = this.selections(root, 2 + this.draw.below(4));
    const head =
      this.definitions.length > 0 ? `(${this.definitions.join(", ")})` : "";
    return {
      query: [`${kind} Generated${head} ${set}`, ...this.fragments].join("\n"),
      variables: this.variables,
    };
  }

  private selections(type: GraphQLCompositeType, depth: number): string {
    const count = 1 + this.draw.below(4);
    const parts = Array.from({ length: count }, () =>
      this.selection(type, depth),
    );
    return `{ ${parts.join(" ")} }`;
  }

  private selection(type: GraphQLCompositeType, depth: number): string {
    if (this.draw.chance(0.1) || isUnionType(type))
      if (!isUnionType(type) || this.draw.chance(0.3))
        return `${this.alias()}__typename${this.condition()}`;
    if (isUnionType(type) || (depth > 0 && this.draw.chance(0.2)))
      return this.fragment(type, depth);
    const isRoot = type === this.schema.getQueryType();
    if (isRoot && this.draw.chance(0.03))
      return `${this.alias()}__type(name: "Query") { name kind }`;
    const fields = Object.values(type.getFields()).filter(
      (field) => depth > 0 || !isCompositeType(getNamedType(field.type)),
    );
    return fields.length > 0
      ? this.field(this.draw.oneOf(fields), depth)
      : "__typename";
  }

  private field(field: GraphQLField<unknown, unknown>, depth: number): string {
    const named = getNamedType(field.type);
    const set = isCompositeType(named)
      ? ` ${this.selections(named, depth - 1)}`
      : "";
    return `${this.alias()}${field.name}${this.args(field)}${this.condition()}${set}`;
  }

  private fragment(type: GraphQLCompositeType, depth: number): string {
    const on = this.draw.oneOf(this.conditionsFor(type));
    const set = this.selections(on, depth - 1);
    const condition = this.condition();
    if (this.draw.chance(0.4)) {
      const name = `F${this.fragments.length}`;
      this.fragments.push(`fragment ${name} on ${on.name} ${set}`);
      return `...${name}${condition}`;
    }
    return on === type && this.draw.chance(0.5)
      ? `...${condition} ${set}`
      : `... on ${on.name}${condition} ${set}`;
  }

  private conditionsFor(type: GraphQLCompositeType): GraphQLCompositeType[] {
    const possible = isAbstractType(type)
      ? this.schema.getPossibleTypes(type)
      : [type];
    const others = Object.values(this.schema.getTypeMap()).filter(
      (other): other is GraphQLCompositeType =>
        isAbstractType(other) &&
        !other.name.startsWith("_") &&
        possible.some((one) => this.schema.isSubType(other, one)),
    );
    return [type, ...possible, ...possible, ...others];
  }

  private alias(): string {
    return this.draw.chance(0.25) ? `${this.draw.oneOf(aliases)}: ` : "";
  }

  private condition(): string {
    if (!this.draw.chance(0.12)) return "";
    const name = this.draw.oneOf(["skip", "include"]);
    const value = this.draw.chance(0.3);
    const given = this.draw.chance(0.6)
      ? this.variable("Boolean!", value === (name === "skip"))
      : String(value === (name === "skip"));
    return ` @${name}(if: ${given})`;
  }

  private args({ name: field, args }: GraphQLField<unknown, unknown>): string {
    const given = args.filter(
      (arg) => isRequiredArgument(arg) || this.draw.chance(0.4),
    );
    if (given.length === 0) return "";
    const written = given.map(({ name, type }) => {
      const place = [field, name];
      if (!this.draw.chance(0.4))
        return `${name}: ${write(this.value(type, place), type)}`;
      return `${name}: ${this.variable(String(type), this.value(type, place))}`;
    });
    return `(${written.join(", ")})`;
  }

  private variable(type: string, value: unknown): string {
    const name = `v${this.definitions.length}`;
    const standard =
      type === "Boolean!" && this.draw.chance(0.3) ? ` = ${String(value)}` : "";
    this.definitions.push(`$${name}: ${type}${standard}`);
    if (!standard || this.draw.chance(0.5)) this.variables[name] = value;
    return `$${name}`;
  }

  private value(type: GraphQLInputType, place: readonly string[]): unknown {
    if (!isNonNullType(type) && this.draw.chance(0.1)) return null;
    const inner = isNonNullType(type) ? type.ofType : type;
    if (isListType(inner))
      return Array.from({ length: this.draw.below(3) }, () =>
        this.value(inner.ofType as GraphQLInputType, place),
      );
    if (isEnumType(inner)) return this.draw.oneOf(inner.getValues()).name;
    if (isInputObjectType(inner))
      return Object.fromEntries(
        Object.values(inner.getFields())
          .filter((field) => isRequiredInputField(field) || this.isOptional())
          .map(({ name, type }) => [
            name,
            this.value(new GraphQLNonNull(nullable(type)), [...place, name]),
          ]),
      );
    return this.words.scalar(String(inner), place, this.draw);
  }

  private isOptional(): boolean {
    const { optional } = this.words;
    return optional > 0 && this.draw.chance(optional);
  }
}

const nullable = (type: GraphQLInputType) =>
  isNonNullType(type) ? type.ofType : type;

function write(value: unknown, type: GraphQLInputType): string {
  const inner = nullable(type);
  if (value === null) return "null";
  if (Array.isArray(value) && isListType(inner))
    return `[${value.map((one) => write(one, inner.ofType as GraphQLInputType)).join(", ")}]`;
  if (isEnumType(inner)) return String(value);
  if (isInputObjectType(inner)) {
    const fields = inner.getFields();
    const written = Object.entries(value as object).map(
      ([name, one]) =>
        `${name}: ${write(one, fields[name]?.type as GraphQLInputType)}`,
    );
    return `{ ${written.join(", ")} }`;
  }
  return writeAny(value);
}

/** A name that no name can be makes it a fault of syntax. */
function writeAny(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeAny).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const written = Object.entries(value).map(
    ([name, one]) => `${name}: ${writeAny(one)}`,
  );
  return `{ ${written.join(", ")} }`;
}
