import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { randomUUID } from "node:crypto";
import { stringifyResult } from "../../common/packed.ts";
import { identify } from "./identity.ts";
import { oneSchema, type Contexts } from "./one-schema.ts";

/** Apollo Server as it comes, without a gateway. */
const { schema, contextsOf } = oneSchema();
const server = new ApolloServer<Contexts>({ schema, stringifyResult });
await startStandaloneServer(server, {
  listen: { host: process.env["HOST"], port: Number(process.env["PORT"]) },
  context: async ({ req }) =>
    contextsOf({
      viewer: await identify(req),
      requestId: randomUUID(),
    }),
});
