import { DateTime } from "../../common/scalars.ts";
import { allow, guardedByStore, signedIn } from "../../common/permissions.ts";
import { subgraphSchema, type Slice } from "../../common/schema.ts";
import { permissions as identityPermissions } from "./identity/permissions.ts";
import { resolvers as identityResolvers } from "./identity/resolvers.ts";
import { permissions as secretPermissions } from "./secret/permissions.ts";
import { resolvers as secretResolvers } from "./secret/resolvers.ts";
import { permissions as tenantPermissions } from "./tenant/permissions.ts";
import { resolvers as tenantResolvers } from "./tenant/resolvers.ts";

/** What federation adds: the SDL for anybody, entities for verified callers, each guarded by its store. */
const federation = {
  resolvers: { DateTime },
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
    { resolvers: tenantResolvers, permissions: tenantPermissions },
    { resolvers: identityResolvers, permissions: identityPermissions },
    { resolvers: secretResolvers, permissions: secretPermissions },
  ],
);
