import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { buildSchema } from "graphql";
import { TestDatabase } from "../support/database.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { mutationNames, operationNames } from "./operations.ts";
import { startProduct, type Product } from "./product.ts";
import { proveOneByOne, proveTogether, stepsOf, tableOf } from "./proof.ts";

/** Mutations that change nothing of what the histories compare, and why. */
const leftOut = {
  rotateClientSecret: "how a client signs in, not what it may do then",
  removeClientSecret: "the same",
};

test("every mutation of the graph has its operation in the histories", () => {
  const mutations = buildSchema(readSupergraph(), { assumeValid: true })
    .getMutationType()
    ?.getFields();
  expect([...mutationNames, ...Object.keys(leftOut)].sort()).toEqual(
    Object.keys(mutations ?? {}).sort(),
  );
});

let product: Product;
beforeAll(async () => {
  const database = await TestDatabase.create();
  product = await startProduct(database);
});
afterAll(async () => {
  await product?.graph.stop();
  await product?.database.drop();
});

test("random histories go as the domain says, step by step", async () => {
  const tally = await proveOneByOne(product, { steps: 2_000 });
  console.log(`${stepsOf(tally)} steps one by one:\n${tableOf(tally)}`);
  // A run by chance may leave out a few; one that leaves out many tries nothing.
  const done = operationNames.filter((name) => tally.has(`${name} ok`));
  expect(done.length).toBeGreaterThan(operationNames.length * 0.8);
}, 240_000);

test("what comes at a time ends as if it had come one after another", async () => {
  const tally = await proveTogether(product, { steps: 250 });
  console.log(`${stepsOf(tally)} steps in rounds:\n${tableOf(tally)}`);
}, 240_000);
