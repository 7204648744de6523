import { Pool } from "undici";
import type { Bench } from "./figure.ts";
import type { Contender } from "./measure.ts";

/** One call of the graph by somebody. */
export interface Question {
  readonly body: string;
  readonly token: string;
  /** Whether a part of the answer is an error. */
  readonly hasErrors: boolean;
}

export type Questions = (n: number) => Question;

export const question = (
  query: string,
  variables: object,
  token: string,
  hasErrors = false,
): Question => ({
  body: JSON.stringify({ query, variables }),
  token,
  hasErrors,
});

/** A server that answers questions. */
export interface Peer extends Pick<Contender, "name" | "processes" | "goal"> {
  readonly url: string;
}

const sliceMs = 2_000;
const warm = { answers: 500, ms: 10_000 };
const compared = 25;

/**
 * Servers that are asked the same questions in turn. First they must give the same answers, to the letter, and warm up.
 */
export async function askedInTurn(
  peers: readonly Peer[],
  questions: Questions,
  { onEnd, progress }: Bench,
): Promise<Contender[]> {
  const clients = peers.map((peer) => ({
    ...peer,
    client: new Client(peer.url),
  }));
  for (const { client } of clients) onEnd(() => client.close());
  progress("comparing the answers");
  for (let n = 0; n < compared; n += 1) await compare(clients, questions(n));
  for (const { name, client } of clients) {
    progress(`warming up ${name}`);
    await client.warmUp(questions);
  }
  return clients.map((peer) => ({
    ...peer,
    run: () => peer.client.askFor(sliceMs, questions),
  }));
}

/** Throws if the first of them is answered otherwise than the others. */
export async function compare(
  peers: readonly { readonly name: string; readonly client: Client }[],
  asked: Question,
): Promise<void> {
  const answers = await Promise.all(
    peers.map(({ client }) => client.ask(asked)),
  );
  // Apollo Server ends an answer with a line break.
  const [expected = "", ...others] = answers.map((text) =>
    asked.hasErrors ? dataOf(text) : text.trimEnd(),
  );
  for (const [i, answer] of others.entries()) {
    if (answer === expected) continue;
    const at = [...answer].findIndex((letter, j) => letter !== expected[j]);
    throw new Error(
      `${peers[i + 1]?.name} answers ${excerpt(answer, at)}\ninstead of ${excerpt(expected, at)}`,
    );
  }
}

/** What stands beside the errors, whose words are each server's own. */
const dataOf = (text: string) =>
  JSON.stringify((JSON.parse(text) as { data: unknown }).data);

const excerpt = (text: string, at = 0) =>
  text.slice(Math.max(0, at - 100), at + 500);

/** Asks one server over several connections. */
export class Client {
  private readonly pool: Pool;
  private readonly connections: number;
  private asked = 0;

  constructor(url: string, { connections = 8 } = {}) {
    this.pool = new Pool(url, { connections });
    this.connections = connections;
  }

  /** Until a server has answered so often, or for so long, its code is compiled while it runs. */
  async warmUp(questions: Questions): Promise<void> {
    const deadline = performance.now() + warm.ms;
    while (this.asked < warm.answers && performance.now() < deadline)
      await this.askFor(500, questions);
  }

  /** Asks one question after the other for a while; answers how many were answered. */
  async askFor(durationMs: number, questions: Questions): Promise<number> {
    const before = this.asked;
    const deadline = performance.now() + durationMs;
    const askOn = async () => {
      while (performance.now() < deadline)
        await this.ask(questions(this.asked++));
    };
    await Promise.all(Array.from({ length: this.connections }, askOn));
    return this.asked - before;
  }

  /** The answer's text; throws if it is a refusal. */
  async ask({ body, token, hasErrors }: Question): Promise<string> {
    const response = await this.pool.request({
      path: "/graphql",
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
      },
      body,
    });
    const text = await response.body.text();
    // An answer with errors begins with them.
    const begin = hasErrors ? '{"errors":[' : '{"data":{';
    if (response.statusCode !== 200 || !text.startsWith(begin))
      throw new Error(`Answered ${response.statusCode}: ${excerpt(text)}`);
    return text;
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
