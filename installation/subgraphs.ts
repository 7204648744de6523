import type { Knex } from "../common/database.ts";
import type { Subgraph } from "../common/schema.ts";
import type { Role } from "../migrations/run.ts";
import {
  createContext as createCommunityContext,
  type CommunitySettings,
} from "../subgraphs/community/context.ts";
import { schema as communitySchema } from "../subgraphs/community/schema.ts";
import { createContext as createStreamContext } from "../subgraphs/stream/context.ts";
import type { ReadLimits } from "../subgraphs/stream/event/limits.ts";
import {
  routes as streamRoutes,
  type RouteSettings,
} from "../subgraphs/stream/routes.ts";
import { schema as streamSchema } from "../subgraphs/stream/schema.ts";
import type { ReadRecorder } from "../subgraphs/stream/usage/recorder-store.ts";
import {
  createContext as createTenantContext,
  type TenantSettings,
} from "../subgraphs/tenant/context.ts";
import { schema as tenantSchema } from "../subgraphs/tenant/schema.ts";

/** The three subgraphs, each over connections of its own role. */
export function createSubgraphs(
  database: { connect(role: Role): Knex },
  settings: TenantSettings &
    CommunitySettings &
    RouteSettings & { readonly readLimits: ReadLimits },
  recorder: Pick<ReadRecorder, "noterOf">,
): Subgraph[] {
  const tenant = database.connect("tenant");
  const community = database.connect("community");
  const streamContextOf = createStreamContext(
    database.connect("stream"),
    recorder,
    settings.readLimits,
  );
  return [
    {
      name: "tenant",
      schema: tenantSchema,
      createContext: createTenantContext(tenant, settings),
    },
    {
      name: "community",
      schema: communitySchema,
      createContext: createCommunityContext(community, settings),
    },
    {
      name: "stream",
      schema: streamSchema,
      createContext: streamContextOf,
      routes: streamRoutes(streamContextOf, settings),
    },
  ];
}
