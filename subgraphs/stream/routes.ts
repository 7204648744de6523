import type { GraphQLObjectType } from "graphql";
import type { CallRoutes } from "../../common/call-handler.ts";
import type { Knex } from "../../common/database.ts";
import { createContext } from "./context.ts";
import { downloads } from "./event/download/handlers.ts";
import { schema } from "./schema.ts";

/** What the subgraph serves beside the graph. */
export const routes = (db: Knex): CallRoutes => ({
  "/data/streams/*": downloads(
    schema.getType("Stream") as GraphQLObjectType,
    createContext(db),
  ),
});
