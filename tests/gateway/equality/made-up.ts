import { buildSubgraphSchema } from "@apollo/subgraph";
import composition from "@apollo/composition";
import {
  execute,
  GraphQLError,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  Kind,
  parse,
  type DocumentNode,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from "graphql";
import type { DataSource } from "../../../gateway/data-source.ts";

/** Subgraphs whose answers are made up, each from what is asked, so that one schema over all of them answers the same. */
export interface MadeUp {
  readonly sdls: Readonly<Record<string, string>>;
  /** Of interfaces whose objects a subgraph knows by the interface alone. */
  readonly kinds?: Readonly<Record<string, readonly string[]>>;
  /** By type and field: what the field's value depends on. */
  readonly requires?: Readonly<Record<string, readonly string[]>>;
}

interface Source {
  readonly __typename?: string;
  readonly id?: string;
  readonly sku?: string;
  readonly seed?: string;
}

export function composeMadeUp({ sdls }: MadeUp): string {
  const { errors, supergraphSdl } = composition.composeServices(
    Object.entries(sdls).map(([name, sdl]) => ({
      name,
      url: `http://127.0.0.1/${name}`,
      typeDefs: parse(sdl),
    })),
  );
  if (errors) throw new Error(errors.map(String).join("\n"));
  return supergraphSdl;
}

export function dataSourcesOf(madeUp: MadeUp): Map<string, DataSource> {
  const resolve = resolverOf(madeUp, entitiesIn(madeUp));
  return new Map(
    Object.entries(madeUp.sdls).map(([name, sdl]) => {
      const schema = subgraphSchema(name, sdl);
      return [name, { process: processor(schema, resolve) }];
    }),
  );
}

/** The arbiter: one schema, without a gateway. */
export const executeAlone =
  (madeUp: MadeUp, schema: GraphQLSchema) =>
  (document: DocumentNode, variableValues: Record<string, unknown>) =>
    execute({
      schema,
      document,
      variableValues,
      rootValue: {},
      fieldResolver: resolverOf(madeUp, entitiesIn(madeUp)),
      typeResolver: (source: Source) => source.__typename,
    });

const processor =
  (
    schema: GraphQLSchema,
    fieldResolver: GraphQLFieldResolver<Source, unknown>,
  ): DataSource["process"] =>
  async (fetch) => {
    if (!("document" in fetch) || !fetch.document)
      throw new Error("The planner exposes its documents.");
    const { data, errors } = await execute({
      schema,
      document: fetch.document,
      variableValues: fetch.request.variables ?? {},
      rootValue: {},
      fieldResolver,
      typeResolver: (source: Source) => source.__typename,
    });
    // As it comes over HTTP.
    return JSON.parse(JSON.stringify({ data, errors })) as Awaited<
      ReturnType<DataSource["process"]>
    >;
  };

/** Some entities are not known to some subgraphs, and some cannot be looked up. */
function subgraphSchema(name: string, sdl: string): GraphQLSchema {
  const typeDefs = parse(sdl);
  const resolvers = Object.fromEntries(
    keyedTypesIn(typeDefs).map((type) => [
      type,
      {
        __resolveReference(reference: Source) {
          const chance = hash(`${name} ${type} ${idOf(reference)}`) % 16;
          if (chance === 0) return null;
          const fails = failure(`${name} ${idOf(reference)}`);
          // The first fails with all that were asked for, the second alone.
          if (chance === 1) throw fails;
          return chance === 2 ? Promise.reject(fails) : reference;
        },
        // The reference of an interface's object names the interface.
        __resolveType: ({ id = "" }: Source) => id.split("-")[0],
      },
    ]),
  );
  const interfaces = new Set(
    typeDefs.definitions.flatMap((definition) =>
      definition.kind === Kind.INTERFACE_TYPE_DEFINITION
        ? definition.name.value
        : [],
    ),
  );
  for (const [type, fields] of Object.entries(resolvers))
    if (!interfaces.has(type))
      delete (fields as Partial<typeof fields>).__resolveType;
  return buildSubgraphSchema({ typeDefs, resolvers: resolvers as never });
}

const keyedTypesIn = ({ definitions }: DocumentNode): string[] =>
  definitions.flatMap((definition) =>
    (definition.kind === Kind.OBJECT_TYPE_DEFINITION ||
      definition.kind === Kind.INTERFACE_TYPE_DEFINITION) &&
    definition.directives?.some(({ name }) => name.value === "key")
      ? definition.name.value
      : [],
  );

const entitiesIn = ({ sdls }: MadeUp): ReadonlySet<string> =>
  new Set(Object.values(sdls).flatMap((sdl) => keyedTypesIn(parse(sdl))));

const idOf = ({ id, sku }: Source) => id ?? sku?.slice("sku:".length);

const seedOf = (source: Source) => idOf(source) ?? source.seed ?? "";

const keys = new Set(["id", "sku", "maker"]);

const failure = (what: string) =>
  new GraphQLError(`${what} fails`, { extensions: { code: "FORBIDDEN" } });

function resolverOf(
  { kinds = {}, requires = {} }: MadeUp,
  entities: ReadonlySet<string>,
): GraphQLFieldResolver<Source, unknown> {
  return (source, args: object, _context, info) => {
    const { fieldName, parentType, returnType, schema } = info;
    const id = idOf(source);
    if (fieldName === "id" && id !== undefined) return id;
    if (fieldName === "sku" && id !== undefined) return `sku:${id}`;
    const given = Object.keys(args).length > 0 ? JSON.stringify(args) : "";
    const needed = (requires[`${parentType.name}.${fieldName}`] ?? []).map(
      (name) =>
        name in source ? source[name as keyof Source] : leafOf(source, name),
    );
    const seed = `${seedOf(source)}.${fieldName}${given}${needed.join()}`;
    const isKey = keys.has(fieldName);
    if (!isKey && hash(seed) % 13 === 0) throw failure(seed);
    return valueOf(returnType, seed, isKey, schema);
  };

  /** What another subgraph says of it: a number, by the rules below. */
  function leafOf(source: Source, name: string): number | null {
    const seed = `${seedOf(source)}.${name}`;
    if (hash(seed) % 13 === 0) return null;
    return hash(`${seed}?`) % 7 === 0 ? null : hash(seed) % 1000;
  }

  function valueOf(
    type: GraphQLOutputType,
    seed: string,
    isKey: boolean,
    schema: GraphQLSchema,
  ): unknown {
    if (isNonNullType(type))
      return !isKey && hash(`${seed}!`) % 60 === 0
        ? null
        : present(type.ofType, seed, isKey, schema);
    return !isKey && hash(`${seed}?`) % 7 === 0
      ? null
      : present(type, seed, isKey, schema);
  }

  function present(
    type: GraphQLOutputType,
    seed: string,
    isKey: boolean,
    schema: GraphQLSchema,
  ): unknown {
    if (isListType(type))
      return Array.from({ length: hash(seed) % 4 }, (_, i) =>
        valueOf(type.ofType, `${seed}[${i}]`, isKey, schema),
      );
    if (isNonNullType(type)) return valueOf(type, seed, isKey, schema);
    return isLeafType(type)
      ? leaf(type, seed)
      : object(type as GraphQLNamedType, seed, schema);
  }

  function object(
    type: GraphQLNamedType,
    seed: string,
    schema: GraphQLSchema,
  ): Source {
    const possible =
      kinds[type.name] ??
      (isAbstractType(type)
        ? schema.getPossibleTypes(type).map(({ name }) => name)
        : [type.name]);
    const name = [...possible].sort()[hash(`${seed}:`) % possible.length] ?? "";
    const typename = isObjectType(schema.getType(name)) ? name : type.name;
    return entities.has(name)
      ? { __typename: typename, id: `${name}-${hash(seed) % 4}` }
      : { __typename: typename, seed };
  }
}

function leaf(type: GraphQLNamedType, seed: string): unknown {
  const number = hash(seed);
  if (isEnumType(type)) {
    const values = type.getValues();
    return values[number % values.length]?.value;
  }
  switch (type.name) {
    case "Int":
      return number % 1000;
    case "Float":
      return (number % 1000) / 8;
    case "Boolean":
      return number % 2 === 0;
    case "ID":
    case "String":
      return `s${number % 50}`;
    default:
      return isScalarType(type)
        ? { kind: "any", list: [number % 10, { in: null }] }
        : null;
  }
}

/** FNV-1a, stirred so that a small remainder of it is even. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1)
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
