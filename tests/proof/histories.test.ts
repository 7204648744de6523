import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { startGraph } from "../support/graph.ts";
import { operationNames } from "./operations.ts";
import type { Product } from "./product.ts";
import { proveOneByOne, proveTogether, stepsOf, tableOf } from "./proof.ts";

let product: Product;
beforeAll(async () => {
  const database = await TestDatabase.create();
  product = { database, graph: await startGraph(database, "in one process") };
});
afterAll(async () => {
  await product?.graph.stop();
  await product?.database.drop();
});

test("random histories go as the domain says, step by step", async () => {
  const tally = await proveOneByOne(product, { steps: 2_000 });
  console.log(`${stepsOf(tally)} steps one by one:\n${tableOf(tally)}`);
  const neverDone = operationNames.filter((name) => !tally.has(`${name} ok`));
  expect(neverDone).toEqual([]);
}, 240_000);

test("what comes at a time ends as if it had come one after another", async () => {
  const tally = await proveTogether(product, { steps: 500 });
  console.log(`${stepsOf(tally)} steps in rounds:\n${tableOf(tally)}`);
}, 240_000);
