import type { GraphQLObjectType } from "graphql";
import type { CallRoutes } from "../../common/call-handler.ts";
import type { createContext } from "./context.ts";
import { downloads } from "./event/download/handlers.ts";
import { ingest } from "./event/ingest/handlers.ts";
import type { IngestLimits } from "./event/ingest/limits.ts";
import { schema } from "./schema.ts";

export interface RouteSettings {
  /** Files that an identity downloads at a time, from a process. */
  readonly filesPerIdentity: number;
  readonly ingestLimits: IngestLimits;
}

/** What the subgraph serves beside the graph, in the same contexts: their reads wait for each other. */
export const routes = (
  contextOf: ReturnType<typeof createContext>,
  { filesPerIdentity, ingestLimits }: RouteSettings,
): CallRoutes => ({
  "/data/streams/*": downloads(
    schema.getType("Stream") as GraphQLObjectType,
    contextOf,
    filesPerIdentity,
  ),
  "/ingest": ingest(contextOf, ingestLimits),
});
