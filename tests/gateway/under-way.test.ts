import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { request as send } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { startTestGraph, type TestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { until } from "../support/waiting.ts";

/** Two of `slow`, each of which is a request and no object. */
const costUnderWay = 25;
const slow = "query ($ms: Int!) { slow(ms: $ms) }";

const orchard = new Orchard();
let database: TestDatabase;
let graph: TestGraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  graph = await startTestGraph({
    mode: "in one process",
    subgraphs: orchard.subgraphs,
    supergraphSdl: orchard.supergraphSdl,
    db: database.as("tenant"),
    costUnderWay,
  });
  await graph.request(somebodyOf("planned"), slow, { ms: 0 });
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

const somebodyOf = (tenantId: string): Viewer => ({
  ...anonymous,
  identityId: randomUUID(),
  tenantId,
});

test("a tenant has so much under way, however many ask, and others are not held up by it", async () => {
  const before = orchard.contexts.trees;
  const begun = () => orchard.contexts.trees - before;
  const flood = Array.from({ length: 6 }, () =>
    graph.request(somebodyOf("a"), slow, { ms: 300 }),
  );
  await until(() => Promise.resolve(begun() === 2));
  // It is served while the flood waits.
  expect(
    (await graph.request(somebodyOf("b"), slow, { ms: 0 })).data,
  ).toMatchObject({ slow: "done" });
  expect(begun()).toBe(3);
  for (const { errors } of await Promise.all(flood)) expect(errors).toEqual([]);
  expect(begun()).toBe(7);
});

test("what waits for its turn is not begun for a client that has gone", async () => {
  const before = orchard.contexts.trees;
  const begun = () => orchard.contexts.trees - before;
  const first = [1, 2].map(() =>
    graph.request(somebodyOf("c"), slow, { ms: 500 }),
  );
  await until(() => Promise.resolve(begun() === 2));
  const leaving = send(new URL("/graphql", graph.url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await graph.issuer.tokenFor(somebodyOf("c"))}`,
    },
  });
  leaving.on("error", () => undefined);
  leaving.end(JSON.stringify({ query: slow, variables: { ms: 0 } }));
  await sleep(100);
  leaving.destroy();
  await Promise.all(first);
  await graph.request(somebodyOf("c"), slow, { ms: 0 });
  expect(begun()).toBe(3);
});
