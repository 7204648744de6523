import type { GraphQLObjectType } from "graphql";
import type { CallRoutes } from "../../common/call-handler.ts";
import type { Knex } from "../../common/database.ts";
import { createContext } from "./context.ts";
import { downloads } from "./event/download/handlers.ts";
import { ingest } from "./event/ingest/handlers.ts";
import type { IngestLimits } from "./event/ingest/limits.ts";
import type { ReadLimits } from "./event/limits.ts";
import { schema } from "./schema.ts";
import type { ReadRecorder } from "./usage/recorder-store.ts";

/** What the subgraph serves beside the graph. */
export const routes = (
  db: Knex,
  recorder: Pick<ReadRecorder, "noterOf">,
  readLimits: ReadLimits,
  ingestLimits: IngestLimits,
): CallRoutes => {
  const contextOf = createContext(db, recorder, readLimits);
  return {
    "/data/streams/*": downloads(
      schema.getType("Stream") as GraphQLObjectType,
      contextOf,
    ),
    "/ingest": ingest(contextOf, ingestLimits),
  };
};
