import { readFileSync } from "node:fs";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { isScalarType, parse, type GraphQLSchema } from "graphql";
import type { CallRoutes } from "./call-handler.ts";
import {
  allow,
  guardedByStore,
  protect,
  signedIn,
  type CallContext,
  type PermissionMap,
} from "./permissions.ts";
import { DateTime } from "./scalars.ts";
import type { Call } from "./viewer.ts";

/** A subgraph as a process runs it: alone behind HTTP, or beside the gateway. */
export interface Subgraph {
  readonly name: string;
  /** With its rules in place. */
  readonly schema: GraphQLSchema;
  /** What one request can reach; made anew for each, so that loaders live no longer. */
  readonly createContext: (call: Call) => CallContext;
  /** What it serves beside the graph. */
  readonly routes?: CallRoutes;
}

/** A concept's part of a subgraph: its resolvers by type, and who may use them. */
export interface Slice {
  readonly resolvers: object;
  readonly permissions: PermissionMap;
}

/** What every subgraph has: its SDL for anybody, entities for verified callers, each guarded by its store, and pages. */
const everywhere = {
  resolvers: { DateTime },
  permissions: {
    Query: { _service: allow, _entities: signedIn },
    _Service: guardedByStore,
    PageInfo: guardedByStore,
  },
} satisfies Slice;

type ResolverMap = Parameters<typeof buildSubgraphSchema>[0] extends infer Input
  ? Extract<Input, { resolvers?: unknown }>["resolvers"]
  : never;

/** A subgraph's concepts merged over its SDL file, and protected; throws if a root field has no rule. */
export function subgraphSchema(
  sdl: URL,
  concepts: readonly Slice[],
): GraphQLSchema {
  const slices = [everywhere, ...concepts];
  const resolvers: Record<string, unknown> = {};
  for (const slice of slices)
    for (const [type, fields] of Object.entries(slice.resolvers) as [
      string,
      object,
    ][])
      resolvers[type] = isScalarType(fields)
        ? fields
        : { ...(resolvers[type] as object), ...fields };
  const schema = buildSubgraphSchema({
    typeDefs: parse(readFileSync(sdl, "utf8")),
    resolvers: resolvers as NonNullable<ResolverMap>,
  });
  return protect(
    schema,
    slices.map(({ permissions }) => permissions),
  );
}
