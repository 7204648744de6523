import type { Bench, Figure } from "./figure.ts";
import {
  startByHand,
  startGateway,
  startInOneProcess,
  startSubgraphs,
} from "./graph.ts";
import { askedInTurn, question, type Questions } from "./load.ts";

const query = `query ($id: ID!) {
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
${query}
\`\`\`

Reader and community change from request to request. 1 is @apollo/gateway as it comes, with \`RemoteGraphQLDataSource\`,
before the same three subgraphs in processes of their own. By hand is one SQL statement that builds the same JSON, behind
node:http.`,
  unit: "page",
  ratio: "CPU",
  rounds: 7,
  async contenders(bench) {
    const subgraphs = await startSubgraphs(bench);
    const stock = await startGateway(
      bench,
      "bench/peers/stock-gateway.ts",
      subgraphs,
    );
    const gateway = await startGateway(bench, "gateway/main.ts", subgraphs);
    const oneProcess = await startInOneProcess(bench, bench.world.url);
    const byHand = await startByHand(bench, "page-by-hand");
    const peers = [
      {
        ...stock,
        name: "@apollo/gateway as it comes, subgraphs as processes",
      },
      { ...oneProcess, name: "Tributary in one process", goal: 0.45 },
      { ...gateway, name: "Tributary as separate processes", goal: 0.7 },
      { ...byHand, name: "by hand" },
    ];
    return askedInTurn(peers, await everyPage(bench), bench);
  },
};

/** Every community of every reader, each reader in turn. */
export async function everyPage({ world, tokens }: Bench): Promise<Questions> {
  const questions = await Promise.all(
    world.readers.map(async ({ identityId, communityIds }) => {
      const token = await tokens.sign(identityId);
      return communityIds.map((id) => question(query, { id }, token));
    }),
  );
  return (n) => at(at(questions, n), Math.floor(n / questions.length));
}

const at = <T>(values: readonly T[], n: number): T =>
  values[n % values.length] as T;
