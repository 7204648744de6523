import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import { createServer } from "node:http";
import { InternalTokenSigner } from "../../common/internal-token.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { identify } from "./identity.ts";

/** Hive gateway as it comes, before the same subgraphs; identical calls are not shared. */
const { env } = process;
const tokens = new InternalTokenSigner(env.INTERNAL_TOKEN_SECRET);
const supergraph = readSupergraph().replace(
  /@join__graph\(name: "(\w+)", url: "[^"]*"\)/g,
  (_, name) =>
    `@join__graph(name: "${name}", url: "${new URL("/graphql", env[`${name.toUpperCase()}_URL`]).href}")`,
);
const rust =
  env.PLANNER === "rust"
    ? await import("@graphql-hive/router-runtime")
    : undefined;

const gateway = createGatewayRuntime({
  supergraph,
  ...(rust && { unifiedGraphHandler: rust.unifiedGraphHandler }),
  transportEntries: {
    "*": { options: { deduplicateInflightRequests: false } },
  },
  logging: false,
  propagateHeaders: {
    async fromClientToSubgraphs({ request }) {
      const authorization = request.headers.get("authorization") ?? undefined;
      const viewer = await identify({ headers: { authorization } });
      return { authorization: `Bearer ${await tokens.sign(viewer)}` };
    },
  },
});
createServer(gateway).listen(Number(env.PORT), env.HOST);
