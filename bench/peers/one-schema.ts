import { Supergraph } from "@apollo/federation-internals";
import {
  defaultFieldResolver,
  getNamedType,
  isLeafType,
  isObjectType,
  isScalarType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from "graphql";
import { EnvironmentReader } from "../../common/config.ts";
import { connect } from "../../common/database.ts";
import { createLogger } from "../../common/log.ts";
import type { CallContext } from "../../common/permissions.ts";
import type { Subgraph } from "../../common/schema.ts";
import type { Call } from "../../common/viewer.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { readConfig } from "../../installation/config.ts";
import { createSubgraphs } from "../../installation/subgraphs.ts";
import { roleUrl, type Role } from "../../migrations/run.ts";
import { ReadRecorder } from "../../subgraphs/stream/usage/recorder-store.ts";

/** What one request can reach, by subgraph. */
export interface Contexts {
  readonly of: ReadonlyMap<string, CallContext>;
}

interface Entity {
  readonly __typename?: string;
  readonly id?: unknown;
}

type ResolveReference = (
  reference: object,
  context: unknown,
  info: GraphQLResolveInfo,
) => unknown;

/**
 * The resolvers of all three subgraphs, with their rules, in one schema: what a graph without federation would be. An
 * object that comes from one subgraph becomes another's by its reference, as the gateway does it.
 */
export function oneSchema(): {
  schema: GraphQLSchema;
  contextsOf: (call: Call) => Contexts;
} {
  const reader = new EnvironmentReader(process.env);
  const databaseUrl = reader.text("DATABASE_URL");
  const log = createLogger("one-schema", "error");
  const dbOf = (role: Role) =>
    connect(roleUrl(databaseUrl, role), { name: role, poolSize: 10 });
  const streams = dbOf("stream");
  const subgraphs = createSubgraphs(
    { connect: (role) => (role === "stream" ? streams : dbOf(role)) },
    { ...readConfig({}), publicUrl: new URL("http://127.0.0.1") },
    new ReadRecorder(streams, log),
  );
  const schema = Supergraph.build(readSupergraph())
    .apiSchema()
    .toGraphQLJSSchema();
  const origins = new WeakMap<object, Subgraph>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith("__")) continue;
    const [owner] = subgraphs.filter(({ schema }) => schema.getType(type.name));
    const original = owner?.schema.getType(type.name);
    if (isScalarType(type) && isScalarType(original)) {
      type.serialize = original.serialize;
      type.parseValue = original.parseValue;
      type.parseLiteral = original.parseLiteral;
    }
    if (isObjectType(type)) joinFields(type, subgraphs, origins);
  }
  return {
    schema,
    contextsOf: (call) => ({
      of: new Map(
        subgraphs.map(({ name, createContext }) => [name, createContext(call)]),
      ),
    }),
  };
}

function joinFields(
  type: GraphQLObjectType,
  subgraphs: readonly Subgraph[],
  origins: WeakMap<object, Subgraph>,
): void {
  for (const field of Object.values(type.getFields())) {
    const owners = subgraphs.filter(({ schema }) => {
      const own = schema.getType(type.name);
      return isObjectType(own) && field.name in own.getFields();
    });
    const isLeaf = isLeafType(getNamedType(field.type));
    field.resolve = (
      source: object,
      args: object,
      contexts: Contexts,
      info,
    ) => {
      const origin = origins.get(source);
      const owner =
        owners.find((one) => one === origin) ?? (owners[0] as Subgraph);
      const context = contexts.of.get(owner.name);
      const own = owner.schema.getType(type.name) as GraphQLObjectType;
      const { resolve = defaultFieldResolver } = own.getFields()[
        field.name
      ] as typeof field;
      const from = (value: unknown) => {
        for (const one of Array.isArray(value) ? value : [value])
          if (typeof one === "object" && one !== null) origins.set(one, owner);
        return value;
      };
      const value: unknown =
        origin === undefined || origin === owner
          ? resolve(source, args, context, info)
          : referred(own, source, context, info).then((object) =>
              object === null ? null : resolve(object, args, context, info),
            );
      if (isLeaf) return value;
      return value instanceof Promise ? value.then(from) : from(value);
    };
  }
}

async function referred(
  type: GraphQLObjectType,
  { id }: Entity,
  context: unknown,
  info: GraphQLResolveInfo,
): Promise<unknown> {
  const { resolveReference } = (
    type.extensions["apollo"] as {
      subgraph: { resolveReference?: ResolveReference };
    }
  ).subgraph;
  const reference = { __typename: type.name, id };
  return resolveReference
    ? resolveReference(reference, context, info)
    : reference;
}
