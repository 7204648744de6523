import type { Bench, Figure } from "./figure.ts";
import { startByHand, startInOneProcess } from "./graph.ts";
import { askedInTurn, question, type Questions } from "./load.ts";
import { eventsOfLong, stepMs } from "./world.ts";

const count = 10_000;

const query = `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
  stream(id: $id) { events(window: { from: $from, to: $to }, first: ${count}) { timestamps values } }
}`;

export const events: Figure = {
  name: "events",
  title: "10,000 events of a shared stream",
  about: `\`\`\`graphql
${query}
\`\`\`

Reader, stream and window change from request to request; the reader's tenant has the stream from another. 1 is written
by hand without a graph: rows by pg with \`rowMode: "array"\`, columns made in Node, \`JSON.stringify\`, node:http, and the
same body to the letter. It verifies the same bearer token, but does not ask what its caller may read. So does the last
one, whose JSON PostgreSQL builds.`,
  unit: "read",
  ratio: "CPU",
  rounds: 7,
  async contenders(bench) {
    const inNode = await startByHand(bench, "events-in-node");
    const oneProcess = await startInOneProcess(bench, bench.world.url);
    const inSql = await startByHand(bench, "events-in-sql");
    const peers = [
      { ...inNode, name: "by hand, columns made in Node" },
      { ...oneProcess, name: "Tributary in one process", goal: 1 },
      { ...inSql, name: "by hand, JSON built in SQL" },
    ];
    return askedInTurn(peers, await windows(bench), bench);
  },
};

async function windows({ world, tokens }: Bench): Promise<Questions> {
  const streams = await Promise.all(
    world.longStreams.map(async (stream) => ({
      ...stream,
      token: await tokens.sign(stream.readerId),
    })),
  );
  return (n) => {
    const stream = streams[n % streams.length];
    if (!stream) throw new Error("The world has no long streams.");
    const skipped = n % (eventsOfLong - count);
    const from = stream.from.getTime() + skipped * stepMs;
    const variables = {
      id: stream.id,
      from: new Date(from).toISOString(),
      to: new Date(from + (count - 1) * stepMs).toISOString(),
    };
    return question(query, variables, stream.token);
  };
}
