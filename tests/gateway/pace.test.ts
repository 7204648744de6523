import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { pacedPoints } from "../../gateway/budgets/limits.ts";
import { Pace } from "../../gateway/budgets/pace.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import {
  noBudgets,
  startTestGraph,
  type TestGraph,
} from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { until } from "../support/waiting.ts";

/** A point a millisecond, and a thousand ahead. */
const limits = { tenant: 60_000, windowSeconds: 60 };

const msOf = async (work: Promise<unknown>) => {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
};

/** Of a rest that is none. */
const atOnce = 100;

describe("the pace of a tenant's operations", () => {
  test("who asks alone is not held up, whatever it spends", async () => {
    const pace = new Pace(limits);
    for (let n = 0; n < 5; n += 1)
      expect(await msOf(pace.rest("a", 50_000))).toBeLessThan(atOnce);
  });

  test("where others ask, who is ahead of its budget's pace rests until it is not, and nobody else does", async () => {
    const pace = new Pace(limits);
    await pace.rest("b", 10);
    expect(await msOf(pace.rest("a", 1_400))).toBeLessThan(atOnce);
    const rested = msOf(pace.rest("a", 200));
    const after = msOf(pace.rest("a", 0));
    expect(await msOf(pace.rest("b", 10))).toBeLessThan(atOnce);
    expect(await rested).toBeGreaterThan(300);
    expect(await rested).toBeLessThan(550);
    expect(await after).toBeGreaterThan(500);
  });

  test("who has rested for long is no further ahead than who has just come", async () => {
    const pace = new Pace({ tenant: 10_000, windowSeconds: 1 });
    await pace.rest("b", 10);
    await pace.rest("a", 10_000);
    await sleep(1_200);
    await pace.rest("b", 10);
    expect(await msOf(pace.rest("a", 13_000))).toBeLessThan(atOnce);
    expect(await msOf(pace.rest("a", 10))).toBeGreaterThan(200);
  });

  test("who has been alone for a window is alone", async () => {
    const pace = new Pace({ tenant: 1_000, windowSeconds: 1 });
    await pace.rest("b", 10);
    await pace.rest("a", 2_000);
    await sleep(1_100);
    expect(await msOf(pace.rest("a", 10))).toBeLessThan(atOnce);
  });

  test("five hundred rest, and what comes then is refused and not counted", async () => {
    const pace = new Pace(limits);
    await pace.rest("b", 10);
    await pace.rest("a", 50_000);
    const resting = Array.from({ length: 500 }, () => pace.rest("a", 10));
    await expect(pace.rest("a", 10)).rejects.toMatchObject({
      extensions: { code: "RATE_LIMITED", limit: 500, retryAfterSeconds: 54 },
    });
    expect(await msOf(pace.rest("b", 10))).toBeLessThan(atOnce);
    pace.end();
    await Promise.all(resting);
  });

  test("nobody rests any more once it has ended", async () => {
    const pace = new Pace(limits);
    await pace.rest("b", 10);
    await pace.rest("a", 50_000);
    const rested = msOf(pace.rest("a", 10));
    pace.end();
    expect(await rested).toBeLessThan(atOnce);
    expect(await msOf(pace.rest("a", 10))).toBeLessThan(atOnce);
  });
});

describe("in a graph", () => {
  const slow = "query ($ms: Int!) { slow(ms: $ms) }";
  const orchard = new Orchard();
  let database: TestDatabase;
  let graph: TestGraph;
  beforeAll(async () => {
    database = await TestDatabase.create();
    graph = await start();
    await graph.request(somebodyOf("b"), slow, { ms: 0 });
  });
  afterAll(async () => {
    await graph.stop();
    await database.drop();
  });

  const start = (graceMs = 0) =>
    startTestGraph({
      mode: "in one process",
      subgraphs: orchard.subgraphs,
      supergraphSdl: orchard.supergraphSdl,
      db: database.as("tenant"),
      graceMs,
      // A request a second, and one ahead.
      pacedBy: { ...noBudgets, tenant: 60 * pacedPoints },
    });
  const begun = () => orchard.contexts.trees;

  test("a tenant's operations rest, another's do not", async () => {
    const before = begun();
    const flood = Array.from({ length: 3 }, () =>
      graph.request(somebodyOf("a"), slow, { ms: 0 }),
    );
    await until(() => Promise.resolve(begun() === before + 2));
    await graph.request(somebodyOf("c"), slow, { ms: 0 });
    expect(begun()).toBe(before + 3);
    for (const { data } of await Promise.all(flood))
      expect(data).toMatchObject({ slow: "done" });
    expect(begun()).toBe(before + 4);
  });

  test("requests that are refused before they are executed rest as well", async () => {
    const refused = () => graph.request(somebodyOf("f"), "{ missing }");
    const [begin] = (await refused()).errors;
    expect(begin?.extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
    await refused();
    expect(await msOf(refused())).toBeGreaterThan(500);
    expect(
      await msOf(graph.request(somebodyOf("g"), "{ missing }")),
    ).toBeLessThan(500);
  });

  test("what rests is not begun for a client that has gone", async () => {
    for (let n = 0; n < 2; n += 1)
      await graph.request(somebodyOf("d"), slow, { ms: 0 });
    const before = begun();
    const leaving = new AbortController();
    const left = graph
      .fetch("/graphql", {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${await graph.issuer.tokenFor(somebodyOf("d"))}`,
        },
        body: JSON.stringify({ query: slow, variables: { ms: 0 } }),
        signal: leaving.signal,
      })
      .catch(() => "gone");
    await sleep(300);
    leaving.abort();
    expect(await left).toBe("gone");
    await graph.request(somebodyOf("d"), slow, { ms: 0 });
    expect(begun()).toBe(before + 1);
  });

  test("an identity that its tenant has removed is not ahead in the tenant's place", async () => {
    const [removed, colleague] = [somebodyOf("e"), somebodyOf("e")];
    orchard.gone.add(removed.identityId);
    for (let n = 0; n < 4; n += 1) {
      const [refused] = (await graph.request(removed, "{ whoCalls }")).errors;
      expect(refused?.extensions.code).toBe("UNAUTHENTICATED");
    }
    expect(await msOf(graph.request(colleague, slow, { ms: 0 }))).toBeLessThan(
      500,
    );
  });

  test("what rests when the server stops is answered at once", async () => {
    // In which all that is sent arrives.
    const stopped = await start(500);
    await stopped.request(somebodyOf("b"), slow, { ms: 0 });
    const before = begun();
    const flood = Array.from({ length: 10 }, () =>
      stopped.request(somebodyOf("a"), slow, { ms: 0 }),
    );
    await until(() => Promise.resolve(begun() === before + 2));
    const stopping = msOf(stopped.stop());
    for (const { data } of await Promise.all(flood))
      expect(data).toMatchObject({ slow: "done" });
    expect(await stopping).toBeLessThan(3_000);
  });
});

const somebodyOf = (tenantId: string): Viewer => ({
  ...anonymous,
  identityId: randomUUID(),
  tenantId,
});
