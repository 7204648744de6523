import { setTimeout as sleep } from "node:timers/promises";
import { Client, type Peer, type Questions } from "./load.ts";

const perSecond = 40;
const seconds = 15;

/** How long answers take under a load that does not wait for them, in a sentence for each server. */
export async function latenciesOf(
  peers: readonly Peer[],
  questions: Questions,
): Promise<string> {
  const lines: string[] = [];
  for (const { name, url } of peers) {
    const client = new Client(url, { connections: 64 });
    try {
      lines.push(`${name}: ${told(await underLoad(client, questions))}`);
    } catch (error) {
      lines.push(`${name} does not keep up: ${String(error).slice(0, 100)}`);
    } finally {
      await client.close();
    }
  }
  return `At ${perSecond} a second for ${seconds} seconds, half of the answers, 95 % and 99 % take no longer than:\n\n${lines.map((line) => `- ${line}`).join("\n")}`;
}

function told(ms: readonly number[]): string {
  const at = (share: number) =>
    (ms[Math.ceil(ms.length * share) - 1] ?? NaN).toFixed(0);
  return `${at(0.5)}, ${at(0.95)} and ${at(0.99)} ms`;
}

async function underLoad(
  client: Client,
  questions: Questions,
): Promise<number[]> {
  const ms: number[] = [];
  const begun = performance.now();
  const asked: Promise<void>[] = [];
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const due = begun + (n * 1000) / perSecond;
    await sleep(Math.max(0, due - performance.now()));
    // From when it was due: who is slow to ask counts it too.
    asked.push(
      client
        .ask(questions(n))
        .then(() => void ms.push(performance.now() - due)),
    );
  }
  await Promise.all(asked);
  return ms.sort((a, b) => a - b);
}
