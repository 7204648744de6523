import type { Bench, Figure } from "./figure.ts";
import { startByHand, startInOneProcess } from "./graph.ts";
import { askedInTurn, question, type Questions } from "./load.ts";
import { eventsOfLong, stepMs, type LongStream } from "./world.ts";

const count = 10_000;

export const longRead = `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
  stream(id: $id) { events(window: { from: $from, to: $to }, first: ${count}) { timestamps values } }
}`;

export const events: Figure = {
  name: "events",
  title: "10,000 events of a shared stream",
  about: `\`\`\`graphql
${longRead}
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
      { ...oneProcess, name: "Tributary in one process", goal: 0.8 },
      { ...inSql, name: "by hand, JSON built in SQL" },
    ];
    return askedInTurn(peers, await windows(bench), bench);
  },
};

/** Of reads of such windows by their readers. */
export async function windows({ world, tokens }: Bench): Promise<Questions> {
  const streams = await Promise.all(
    world.longStreams.map(async (stream) => ({
      ...stream,
      token: await tokens.sign(stream.readerId),
    })),
  );
  return (n) => {
    const stream = streams[n % streams.length];
    if (!stream) throw new Error("The world has no long streams.");
    return question(longRead, windowOf(stream, n), stream.token);
  };
}

/** Variables for one of the windows of a long stream. */
export function windowOf({ id, from }: LongStream, n: number) {
  const skipped = n % (eventsOfLong - count);
  const timeOf = (event: number) =>
    new Date(from.getTime() + event * stepMs).toISOString();
  return { id, from: timeOf(skipped), to: timeOf(skipped + count - 1) };
}
