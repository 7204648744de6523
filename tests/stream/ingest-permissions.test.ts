import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { send } from "../support/uploads.ts";
import { everythingWritten } from "../support/written.ts";
import {
  matrixCallers,
  seedMatrixWorld,
  type MatrixCaller,
  type World,
} from "./matrix.ts";
import { csvOf } from "./upload-world.ts";

/** S1, S7: as `writeEvents`, through another door. */
const writers: readonly MatrixCaller[] = [
  "plant: AA, no role",
  "plant: AA, MEMBER",
  "plant: CONTRIBUTOR, no role",
  "plant: CONTRIBUTOR, MEMBER",
  "plant: owner of the stream, no role",
  "plant: AA and DS, no role",
];
/** Those who see the stream, their own or one that is shared with them, and may not write to it. */
const readers: readonly MatrixCaller[] = [
  "plant: DS, no role",
  "plant: DS, MEMBER",
  "plant: VIEWER, no role",
  "plant: VIEWER, MEMBER",
  "plant: client VIEWER, no role",
  "plant: none, MODERATOR",
  "plant: none, ADMINISTRATOR",
  "plant: denied by name DS, MEMBER",
  "partner: DS, MEMBER",
  "partner: none, MEMBER",
  "partner: none, MODERATOR",
  "partner: client, MEMBER",
];
const nobody: readonly MatrixCaller[] = [
  "nobody: anonymous",
  "plant: disabled AA, MEMBER",
  "partner: disabled client, MEMBER",
  "partner: removed, MEMBER",
];

let database: TestDatabase;
let world: World;
let graph: TestGraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  world = await seedMatrixWorld(database);
  graph = await startGraph(database, "in one process");
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

const expected = (caller: MatrixCaller) => {
  if (writers.includes(caller)) return [200, undefined];
  if (readers.includes(caller)) return [403, "FORBIDDEN"];
  if (caller === "nobody: person without a tenant") return [403, "FORBIDDEN"];
  if (nobody.includes(caller)) return [401, "UNAUTHENTICATED"];
  return [404, "NOT_FOUND"];
};

test.each(matrixCallers)("%s sending events", async (caller) => {
  const before = await everythingWritten(database);
  const { status, code } = await send(
    graph,
    world.viewers[caller],
    csvOf(world.stream, [1, 2]),
  );
  expect([status, code]).toEqual(expected(caller));
  const after = await everythingWritten(database);
  if (status === 200)
    expect(after["ledger.entries"]).not.toBe(before["ledger.entries"]);
  else expect(after).toEqual(before);
});
