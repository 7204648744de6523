import { existsSync } from "node:fs";
import type { Bench, Figure } from "./figure.ts";
import {
  startByHand,
  startGateway,
  startGateways,
  startOneSchema,
  stockGateway,
  type Subgraphs,
} from "./graph.ts";
import { latenciesOf } from "./latency.ts";
import { askedInTurn, type Peer } from "./load.ts";
import { askedByReaders } from "./readers.ts";

export const pageQuery = `query ($id: ID!) {
  community(id: $id) {
    name
    memberships { nodes { tenant { name } } }
    streams(first: 20) { nodes { id name tenant { name } last { timestamp value } } }
  }
}`;

export const page: Figure = {
  name: "page",
  title: "A page over three subgraphs",
  about: `A community's tenants and 20 of the streams shared in it, with their last values:

\`\`\`graphql
${pageQuery}
\`\`\`

Reader and community change from request to request. 1 is @apollo/gateway as it comes, with \`RemoteGraphQLDataSource\`,
before the schemas of the three subgraphs, each behind Apollo Server in a process of its own. Hive gateway,
which does not share identical calls here, has Tributary's subgraphs behind it, and so has @apollo/gateway once more. One
schema has the resolvers of all three, with their rules, and no gateway. By hand is one SQL statement that builds the same
JSON, behind node:http. Hive gateway and graphql-jit take part after \`npm install --prefix bench/peers\`.`,
  unit: "page",
  ratio: "CPU",
  rounds: 7,
  async contenders(bench) {
    const { stock, inOneProcess, asProcesses, subgraphs } =
      await startGateways(bench);
    const peers = [
      { ...stock, name: "@apollo/gateway before Apollo Servers" },
      { ...inOneProcess, name: "Tributary in one process", goal: 0.3 },
      { ...asProcesses, name: "Tributary as separate processes", goal: 0.5 },
      {
        ...(await startGateway(bench, stockGateway, subgraphs)),
        name: "@apollo/gateway before Tributary's subgraphs",
      },
      ...(await others(bench, subgraphs)),
      { ...(await startByHand(bench, "page-by-hand")), name: "by hand" },
    ];
    asked.set(bench, peers);
    return askedInTurn(peers, await everyPage(bench), bench);
  },
  note: async (bench) =>
    latenciesOf(asked.get(bench) ?? [], await everyPage(bench)),
};

/** Who is asked once more, under a fixed load. */
const asked = new WeakMap<Bench, readonly Peer[]>();

/** Hive gateway and graphql-jit take part where they are installed. */
async function others(bench: Bench, subgraphs: Subgraphs): Promise<Peer[]> {
  const peers = [
    {
      ...(await startOneSchema(bench, "one-schema-apollo.ts")),
      name: "Apollo Server, one schema",
    },
    {
      ...(await startOneSchema(bench, "one-schema-bare.ts")),
      name: "graphql's execute, one schema",
    },
  ];
  if (!existsSync("bench/peers/node_modules")) return peers;
  const hive = "bench/peers/hive-gateway.js";
  return [
    {
      ...(await startGateway(bench, hive, subgraphs)),
      name: "Hive gateway by its own planner",
    },
    {
      ...(await startGateway(bench, hive, subgraphs, { PLANNER: "rust" })),
      name: "Hive gateway by its Rust planner",
    },
    ...peers,
    {
      ...(await startOneSchema(bench, "one-schema-jit.js")),
      name: "graphql-jit, one schema",
    },
  ];
}

export const everyPage = askedByReaders(pageQuery);
