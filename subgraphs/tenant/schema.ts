import { subgraphSchema } from "../../common/schema.ts";
import { permissions as identityPermissions } from "./identity/permissions.ts";
import { resolvers as identityResolvers } from "./identity/resolvers.ts";
import { permissions as secretPermissions } from "./secret/permissions.ts";
import { resolvers as secretResolvers } from "./secret/resolvers.ts";
import { permissions as tenantPermissions } from "./tenant/permissions.ts";
import { resolvers as tenantResolvers } from "./tenant/resolvers.ts";

export const schema = subgraphSchema(
  new URL("./schema.graphql", import.meta.url),
  [
    { resolvers: tenantResolvers, permissions: tenantPermissions },
    { resolvers: identityResolvers, permissions: identityPermissions },
    { resolvers: secretResolvers, permissions: secretPermissions },
  ],
);
