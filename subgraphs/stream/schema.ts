import { Json, Timestamps, Values } from "../../common/scalars.ts";
import { subgraphSchema } from "../../common/schema.ts";
import { permissions as accessPermissions } from "./access/permissions.ts";
import { resolvers as accessResolvers } from "./access/resolvers.ts";
import { permissions as eventPermissions } from "./event/permissions.ts";
import { resolvers as eventResolvers } from "./event/resolvers.ts";
import { permissions as explanationPermissions } from "./explanation/permissions.ts";
import { resolvers as explanationResolvers } from "./explanation/resolvers.ts";
import { permissions as namespacePermissions } from "./namespace/permissions.ts";
import { resolvers as namespaceResolvers } from "./namespace/resolvers.ts";
import { permissions as readerPermissions } from "./reader/permissions.ts";
import { resolvers as readerResolvers } from "./reader/resolvers.ts";
import { permissions as sharePermissions } from "./share/permissions.ts";
import { resolvers as shareResolvers } from "./share/resolvers.ts";
import { permissions as streamPermissions } from "./stream/permissions.ts";
import { resolvers as streamResolvers } from "./stream/resolvers.ts";
import { permissions as streamTypePermissions } from "./stream-type/permissions.ts";
import { resolvers as streamTypeResolvers } from "./stream-type/resolvers.ts";
import { permissions as usagePermissions } from "./usage/permissions.ts";
import { resolvers as usageResolvers } from "./usage/resolvers.ts";

export const schema = subgraphSchema(
  new URL("./schema.graphql", import.meta.url),
  [
    { resolvers: { JSON: Json, Timestamps, Values }, permissions: {} },
    { resolvers: namespaceResolvers, permissions: namespacePermissions },
    { resolvers: streamTypeResolvers, permissions: streamTypePermissions },
    { resolvers: streamResolvers, permissions: streamPermissions },
    { resolvers: accessResolvers, permissions: accessPermissions },
    { resolvers: eventResolvers, permissions: eventPermissions },
    { resolvers: shareResolvers, permissions: sharePermissions },
    { resolvers: readerResolvers, permissions: readerPermissions },
    { resolvers: usageResolvers, permissions: usagePermissions },
    { resolvers: explanationResolvers, permissions: explanationPermissions },
  ],
);
