import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import {
  somebody,
  startTestGraph,
  type TestGraph,
} from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";

let database: TestDatabase;
let graph: TestGraph;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());
afterEach(() => graph.stop());

const start = async (absent: readonly string[] = []) => {
  graph = await startTestGraph({
    mode: "as separate processes",
    ...new Orchard(),
    db: database.as("tenant"),
    absent,
  });
};

const query = "{ ripe trees { name fruit { weight } } }";
const whole = {
  data: {
    ripe: 7,
    trees: [
      { name: "apple", fruit: { weight: 5 } },
      { name: "pear", fruit: { weight: 4 } },
      { name: "elm", fruit: null },
      { name: "cherry", fruit: { weight: 6 } },
    ],
  },
};
const places = [
  ["ripe"],
  ...whole.data.trees.map((_, i) => ["trees", i, "fruit"]),
];

async function expectAllButFruits(): Promise<void> {
  const { data, errors } = await graph.request(somebody, query);
  expect(data).toEqual({
    ripe: null,
    trees: whole.data.trees.map(({ name }) => ({ name, fruit: null })),
  });
  expect(errors).toHaveLength(places.length);
  for (const path of places)
    expect(errors).toContainEqual({
      path,
      message: expect.stringContaining("not available"),
      extensions: { code: "UNAVAILABLE" },
    });
}

describe("a subgraph that is down", () => {
  test("costs its own part alone, and is back without a restart of the gateway, however long it was away", async () => {
    await start();
    expect(await graph.request(somebody, query)).toMatchObject(whole);
    await graph.stopSubgraph("fruits");
    for (let n = 0; n < 15; n += 1) await expectAllButFruits();
    await graph.startSubgraph("fruits");
    await sleep(1_100);
    expect(await graph.request(somebody, query)).toMatchObject(whole);
  });

  test("does not keep the gateway from starting", async () => {
    await start(["fruits"]);
    await expectAllButFruits();
    await graph.startSubgraph("fruits");
    expect(await graph.request(somebody, query)).toMatchObject(whole);
  });

  test.each([
    ["three times for a query", "{ tree(id: 1) { id } }", "tree", 3],
    [
      "once for a mutation",
      'mutation { plant(name: "fig") { id } }',
      "plant",
      1,
    ],
  ])("is asked %s", async (_what, operation, field, times) => {
    await start(["trees"]);
    let calls = 0;
    const failing = createServer((request, response) => {
      calls += 1;
      request.resume();
      response.writeHead(503).end("no answer of a subgraph");
    });
    const { port } = new URL(graph.subgraphUrls.get("trees") ?? "");
    await once(failing.listen(Number(port), "127.0.0.1"), "listening");
    try {
      expect(await graph.request(somebody, operation)).toMatchObject({
        data: { [field]: null },
        errors: [{ path: [field], extensions: { code: "UNAVAILABLE" } }],
      });
      expect(calls).toBe(times);
    } finally {
      failing.closeAllConnections();
      failing.close();
    }
  });
});
