import { ApolloServer } from "@apollo/server";
import { randomUUID } from "node:crypto";
import { EnvironmentReader } from "../../common/config.ts";
import { connect } from "../../common/database.ts";
import { graphqlHandler } from "../../common/graphql-server.ts";
import { listen } from "../../common/http-server.ts";
import {
  internalTokens,
  readInternalTokenSecret,
} from "../../common/internal-token.ts";
import { createLogger } from "../../common/log.ts";
import { stringifyResult } from "../../common/packed.ts";
import type { CallContext } from "../../common/permissions.ts";
import { readConfig } from "../../installation/config.ts";
import { createSubgraphs } from "../../installation/subgraphs.ts";
import { ReadRecorder } from "../../subgraphs/stream/usage/recorder-store.ts";

/**
 * A subgraph behind Apollo Server: the same schema with the same rules, for whom the gateway's token names. Not behind the
 * HTTP server that comes with it, which hangs up after five idle seconds, and contenders take turns.
 */
const reader = new EnvironmentReader(process.env);
const name = reader.text("SUBGRAPH");
const tokens = internalTokens(readInternalTokenSecret(reader));
const log = createLogger(name, "error");
const db = connect(reader.text(`${name.toUpperCase()}_DATABASE_URL`), {
  name,
  poolSize: 10,
});
const subgraph = createSubgraphs(
  { connect: () => db },
  { ...readConfig({}), publicUrl: new URL("http://127.0.0.1") },
  new ReadRecorder(db, log),
).find((one) => one.name === name);
if (!subgraph) throw new Error(`There is no subgraph ${name}.`);
const { schema, createContext } = subgraph;

const server = new ApolloServer<CallContext>({ schema, stringifyResult });
await server.start();
await listen({
  host: reader.text("HOST"),
  port: reader.integer("PORT", 0, { min: 1, max: 65_535 }),
  graceMs: 0,
  isReady: () => Promise.resolve(true),
  routes: {
    "/graphql": graphqlHandler({
      server,
      requestId: () => randomUUID(),
      createContext: async ({ headers: { authorization = "" } }, requestId) => {
        const [, token = ""] = authorization.split(" ");
        return createContext({ viewer: await tokens.read(token), requestId });
      },
      admitBytes: () => undefined,
      roomFor: () => ({
        assertFits: () => undefined,
        take: () => undefined,
        release: () => undefined,
      }),
      admit: ({ query }) => query,
      log,
    }),
  },
  log,
});
