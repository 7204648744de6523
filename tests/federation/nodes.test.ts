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

  test("is refused beyond 20,000 objects", async () => {
    const seed = new Seed(database.owner);
    const reader = as(await seed.user(await seed.tenant()));
    const ask = (first: number) =>
      graph.request(
        reader,
        `query ($first: Int) { streams(first: 100) { nodes { sharedThrough(first: $first) { nodes { community { id } } } } } }`,
        { first },
      );
    expect((await ask(199)).errors).toEqual([]);
    const { data, errors } = await ask(200);
    expect(data).toBeNull();
    expect(errors).toEqual([
      {
        message:
          "At most 20000 objects in the lists of a request, page sizes within each other multiplied; this asks for 20100. Ask for smaller pages by first, or for fewer lists within lists.",
        extensions: { code: "LIMIT_EXCEEDED", limit: 20_000, value: 20_100 },
      },
    ]);
  });
});
