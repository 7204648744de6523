import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as } from "../support/run.ts";
import { Seed } from "../support/seed.ts";

describe("a request for lists within lists", () => {
  let database: TestDatabase;
  let graph: TestGraph;
  beforeAll(async () => {
    database = await TestDatabase.create();
    graph = await startGraph(database, "in one process");
  });
  afterAll(async () => {
    await graph.stop();
    await database.drop();
  });

  const query = `query ($first: Int) { streams(first: 100) { nodes { sharedThrough(first: $first) { nodes { community { id } } } } } }`;

  test("is refused as a whole beyond what a request may cost", async () => {
    const seed = new Seed(database.owner);
    const reader = as(await seed.user(await seed.tenant()));
    const ask = (first: number) => graph.request(reader, query, { first });
    // 1 for the page, for each stream 2, for each of its shares 2.
    expect((await ask(248)).errors).toEqual([]);
    const { data, errors } = await ask(249);
    expect(data).toBeNull();
    expect(errors).toEqual([
      {
        message:
          "At most 50000 points of cost a request, one for each object that its lists may hold, more for what is computed; this asks for 50001. Ask for smaller pages by first, or for fewer lists within lists.",
        extensions: { code: "LIMIT_EXCEEDED", limit: 50_000, value: 50_001 },
      },
    ]);
    expect((await ask(1001)).errors).toEqual([
      {
        message:
          "At most 1000 rows a page; this asks for 1001. Go on with the cursor.",
        extensions: {
          code: "LIMIT_EXCEEDED",
          limit: 1000,
          value: 1001,
          at: "first",
        },
      },
    ]);
  });

  test("tells what it costs, if that is asked", async () => {
    const ask = async (headers: Record<string, string>, first: number) => {
      const response = await graph.fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ query, variables: { first } }),
      });
      const { extensions } = (await response.json()) as { extensions?: object };
      return [response.status, extensions];
    };
    expect(await ask({}, 3)).toEqual([200, undefined]);
    expect(await ask({ "tributary-cost": "1" }, 3)).toEqual([
      200,
      { cost: { value: 801, limit: 50_000 } },
    ]);
    expect(await ask({ "tributary-cost": "1" }, 249)).toEqual([413, undefined]);
  });
});
