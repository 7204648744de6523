import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import type { Settings } from "./processes.ts";

/** What a flood asks: who asks what, over how many connections, and how many points it spends a second at most. */
export interface Flood {
  readonly url: string;
  readonly tokens: readonly string[];
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly pointsPerSecond: number;
  readonly seconds: number;
}

/** A process of its own, so that it takes no time of whoever measures beside it. */
export const settingsOf = (flood: Flood): Settings => ({
  FLOOD: JSON.stringify(flood),
});

/** How many requests were answered by each status. */
export type Answered = Readonly<Record<string, number>>;

async function run(flood: Flood): Promise<Answered> {
  const { url, tokens, bodies, connections, pointsPerSecond, seconds } = flood;
  const pool = new Pool(url, { connections });
  const end = performance.now() + seconds * 1_000;
  const answered: Record<string, number> = {};
  const begun = performance.now();
  let sent = 0;
  let points = 0;
  const askOn = async () => {
    while (performance.now() < end) {
      const allowed = ((performance.now() - begun) / 1000) * pointsPerSecond;
      if (points > allowed) {
        await sleep(20);
        continue;
      }
      const n = (sent += 1);
      const { statusCode, body } = await pool.request({
        path: "/graphql",
        method: "POST",
        headers: {
          "content-type": "application/json",
          "tributary-cost": "1",
          authorization: `Bearer ${tokens[n % tokens.length]}`,
        },
        body: bodies[n % bodies.length] ?? "",
      });
      const text = await body.text();
      const cost = /"cost":\{"value":(\d+)/.exec(text.slice(-200))?.[1] ?? 0;
      points += 10 + Number(cost);
      answered[statusCode] = (answered[statusCode] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, askOn));
  await pool.close();
  return answered;
}

const given = process.env["FLOOD"];
if (given !== undefined)
  console.error(JSON.stringify(await run(JSON.parse(given) as Flood)));
