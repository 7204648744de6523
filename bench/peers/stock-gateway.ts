import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { readFile } from "node:fs/promises";
import {
  InternalTokenSigner,
  readInternalTokenSecret,
} from "../../common/internal-token.ts";
import { EnvironmentReader } from "../../common/config.ts";
import type { Viewer } from "../../common/viewer.ts";
import { identify } from "./identity.ts";

/** @apollo/gateway as it comes, before the same subgraphs; only the caller's identity is handed on. */
interface Context {
  readonly viewer: Viewer;
}

const reader = new EnvironmentReader(process.env);
const tokens = new InternalTokenSigner(readInternalTokenSecret(reader));

class IdentifiedDataSource extends RemoteGraphQLDataSource<Context> {
  override async willSendRequest({
    request,
    context,
  }: Parameters<
    NonNullable<RemoteGraphQLDataSource<Context>["willSendRequest"]>
  >[0]) {
    // The first call, on start-up, is of nobody.
    if (!context.viewer) return;
    const token = await tokens.sign(context.viewer);
    request.http?.headers.set("authorization", `Bearer ${token}`);
  }
}

const server = new ApolloServer<Context>({
  gateway: new ApolloGateway({
    supergraphSdl: await readFile("schema/supergraph.graphql", "utf8"),
    buildService: ({ name }) =>
      new IdentifiedDataSource({
        url: new URL("/graphql", reader.url(`${name.toUpperCase()}_URL`)).href,
      }),
  }),
});
await startStandaloneServer(server, {
  listen: {
    host: reader.text("HOST"),
    port: reader.integer("PORT", 0, { min: 1, max: 65_535 }),
  },
  context: async ({ req }) => ({ viewer: await identify(req) }),
});
