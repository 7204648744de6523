import { allow, guardedByStore, signedIn } from "../../common/permissions.ts";
import { DateTime, Json, Timestamps, Values } from "../../common/scalars.ts";
import { subgraphSchema, type Slice } from "../../common/schema.ts";
import { permissions as accessPermissions } from "./access/permissions.ts";
import { resolvers as accessResolvers } from "./access/resolvers.ts";
import { permissions as eventPermissions } from "./event/permissions.ts";
import { resolvers as eventResolvers } from "./event/resolvers.ts";
import { permissions as namespacePermissions } from "./namespace/permissions.ts";
import { resolvers as namespaceResolvers } from "./namespace/resolvers.ts";
import { permissions as sharePermissions } from "./share/permissions.ts";
import { resolvers as shareResolvers } from "./share/resolvers.ts";
import { permissions as streamPermissions } from "./stream/permissions.ts";
import { resolvers as streamResolvers } from "./stream/resolvers.ts";
import { permissions as streamTypePermissions } from "./stream-type/permissions.ts";
import { resolvers as streamTypeResolvers } from "./stream-type/resolvers.ts";

/** What federation adds: the SDL for anybody, entities for verified callers, each guarded by its store. */
const federation = {
  resolvers: { DateTime, JSON: Json, Timestamps, Values },
  permissions: {
    Query: { _service: allow, _entities: signedIn },
    _Service: guardedByStore,
    PageInfo: guardedByStore,
  },
} satisfies Slice;

export const schema = subgraphSchema(
  new URL("./schema.graphql", import.meta.url),
  [
    federation,
    { resolvers: namespaceResolvers, permissions: namespacePermissions },
    { resolvers: streamTypeResolvers, permissions: streamTypePermissions },
    { resolvers: streamResolvers, permissions: streamPermissions },
    { resolvers: accessResolvers, permissions: accessPermissions },
    { resolvers: eventResolvers, permissions: eventPermissions },
    { resolvers: shareResolvers, permissions: sharePermissions },
  ],
);
