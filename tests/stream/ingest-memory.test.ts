import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { begin } from "../support/uploads.ts";
import { createUploadWorld, second, type UploadWorld } from "./upload-world.ts";

let world: UploadWorld;
let graph: TestGraph;
beforeAll(async () => {
  world = await createUploadWorld();
  graph = await startGraph(world.database, "in one process", {
    // Five megabytes of these rows.
    environment: { INGEST_BATCH_CELLS: "10000" },
  });
});
afterAll(async () => {
  await graph.stop();
  await world.database.drop();
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Of what is still reached. */
function megabytesHeld(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

test("an upload of a hundred megabytes takes no more memory than one of ten", async () => {
  const notes = await world.seed.stream(world.tenant, {
    properties: [{ name: "note", kind: "TEXT" }],
  });
  const { request, received } = await begin(graph, world.writer);
  request.write(`timestamp,${notes.uuid}\n`);
  const rowsOfPiece = 1_000;
  const pieces = 100;
  const held: number[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    const rows = Array.from({ length: rowsOfPiece }, (_, i) => {
      const row = piece * rowsOfPiece + i;
      return `${second(row)},${String(row).padEnd(1_020, "x")}\n`;
    });
    if (!request.write(rows.join("")))
      await Promise.race([once(request, "drain"), received]);
    if (piece % 10 === 9) held.push(megabytesHeld());
  }
  request.end();
  const rowCount = pieces * rowsOfPiece;
  expect(await received).toEqual({
    status: 200,
    eventCount: rowCount,
    rowCount,
  });
  // What is read, what is stored meanwhile, and what is on its way to PostgreSQL: three batches and some pieces.
  const [first = NaN] = held;
  expect(Math.max(...held) - first).toBeLessThan(25);
}, 30_000);
