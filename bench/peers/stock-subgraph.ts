import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { randomUUID } from "node:crypto";
import { EnvironmentReader } from "../../common/config.ts";
import { connect } from "../../common/database.ts";
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

/** A subgraph behind Apollo Server as it comes: the same schema with the same rules, for whom the gateway's token names. */
const reader = new EnvironmentReader(process.env);
const name = reader.text("SUBGRAPH");
const tokens = internalTokens(readInternalTokenSecret(reader));
const db = connect(reader.text(`${name.toUpperCase()}_DATABASE_URL`), {
  name,
  poolSize: 10,
});
const subgraph = createSubgraphs(
  { connect: () => db },
  { ...readConfig({}), publicUrl: new URL("http://127.0.0.1") },
  new ReadRecorder(db, createLogger(name, "error")),
).find((one) => one.name === name);
if (!subgraph) throw new Error(`There is no subgraph ${name}.`);
const { schema, createContext } = subgraph;

const server = new ApolloServer<CallContext>({ schema, stringifyResult });
await startStandaloneServer(server, {
  listen: {
    host: reader.text("HOST"),
    port: reader.integer("PORT", 0, { min: 1, max: 65_535 }),
  },
  context: async ({ req: { headers } }) => {
    const [, token = ""] = headers.authorization?.split(" ") ?? [];
    return createContext({
      viewer: await tokens.read(token),
      requestId: randomUUID(),
    });
  },
});
