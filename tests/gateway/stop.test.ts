import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { TestDatabase } from "../support/database.ts";
import { modes, somebody, startTestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

const start = (mode: (typeof modes)[number], graceMs: number) =>
  startTestGraph({
    mode,
    ...new Orchard(),
    db: database.as("tenant"),
    graceMs,
  });

describe.each(modes)("a graph %s that stops", (mode) => {
  test("fails readiness first, while it still serves", async () => {
    const graph = await start(mode, 1_000);
    const stopped = graph.stop();
    await sleep(50);
    expect((await graph.fetch("/readyz")).status).toBe(503);
    expect((await graph.fetch("/healthz")).status).toBe(200);
    const { data } = await graph.request(somebody, "{ ripe }");
    expect(data).toEqual({ ripe: 7 });
    await stopped;
    await expect(graph.fetch("/healthz")).rejects.toThrow();
  });

  test("finishes what it has begun", async () => {
    const graph = await start(mode, 0);
    const running = graph.request(
      somebody,
      "{ slow(ms: 400) trees { fruit { weight } } }",
    );
    await sleep(150);
    await graph.stop();
    expect((await running).data).toMatchObject({
      slow: "done",
      trees: [{ fruit: { weight: 5 } }, {}, {}, {}],
    });
  });

  test("drops no request of clients that go on", async () => {
    const graph = await start(mode, 200);
    const agent = new Agent({ connections: 16 });
    const authorization = `Bearer ${await graph.issuer.tokenFor(somebody)}`;
    let isRefused = false;
    let answers = 0;
    const faults: unknown[] = [];
    const client = async () => {
      while (!isRefused)
        try {
          const { body } = await request(new URL("/graphql", graph.url), {
            dispatcher: agent,
            method: "POST",
            headers: { "content-type": "application/json", authorization },
            body: '{"query":"{ ripe trees { fruit { weight } } }"}',
          });
          const { data } = (await body.json()) as { data: { ripe: number } };
          if (data.ripe === 7) answers += 1;
        } catch (error) {
          // Connections are refused in the end: such a request never arrived.
          isRefused = true;
          if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED")
            faults.push(error);
        }
    };
    const clients = Array.from({ length: 16 }, client);
    // Until all of them have their connections.
    while (answers < 100) await sleep(10);
    await graph.stop();
    await Promise.all(clients);
    await agent.close();
    expect(faults).toEqual([]);
  });
});
