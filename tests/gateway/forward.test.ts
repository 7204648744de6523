import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { once } from "node:events";
import { connect } from "node:net";
import {
  createUploadWorld,
  csvOf,
  type UploadWorld,
} from "../stream/upload-world.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as } from "../support/run.ts";
import type { Stream } from "../support/seed.ts";
import { send } from "../support/uploads.ts";

/** What the gateway sends to the subgraph on a connection that the next caller's request takes, too. */
let world: UploadWorld;
let graph: TestGraph;
let asked: Stream;
let other: Stream;
beforeAll(async () => {
  world = await createUploadWorld();
  graph = await startGraph(world.database, "as separate processes");
  asked = await world.seed.stream(world.tenant);
  other = await world.seed.stream(world.tenant);
  await send(graph, world.writer, csvOf(asked, [1, 1]));
  await send(graph, world.writer, csvOf(other, [2, 2]));
});
afterAll(async () => {
  await graph.stop();
  await world.database.drop();
});

/** Of a stranger; answers the status. */
async function sendChunked(method: string, body: string): Promise<string> {
  const stranger = await world.seed.user(await world.seed.tenant(), []);
  const token = await graph.issuer.tokenFor(as(stranger));
  const { hostname, port } = new URL(graph.url);
  const socket = connect(Number(port), hostname);
  const answer = once(socket, "data") as Promise<[Buffer]>;
  socket.write(
    `${method} /data/streams/00000000-0000-4000-8000-000000000000?format=csv HTTP/1.1\r\nHost: x\r\n` +
      `Authorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  );
  const [head] = await answer;
  socket.destroy();
  return head.toString().split(" ")[1] ?? "";
}

test.each([
  ["GET", "404"],
  ["HEAD", "405"],
  ["DELETE", "405"],
  ["OPTIONS", "204"],
])(
  "the body of a %s does not become the beginning of another caller's request",
  async (method, status) => {
    expect(
      await sendChunked(
        method,
        `GET /data/streams/${other.uuid}?format=csv HTTP/1.1\r\nX-Swallowed: `,
      ),
    ).toBe(status);
    const token = await graph.issuer.tokenFor(world.writer);
    const answer = await graph.fetch(`/data/streams/${asked.uuid}?format=csv`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const rows = await answer.text();
    expect(rows).toContain(",1");
    expect(rows).not.toContain(",2");
  },
);

test("nor of what it writes", async () => {
  await sendChunked("GET", "POST /ingest?skip=2 HTTP/1.1\r\nX-Swallowed: ");
  expect(
    await send(graph, world.writer, csvOf(asked, [5, 5, 5]), {
      query: "?mode=INSERT",
    }),
  ).toMatchObject({ status: 409, eventCount: 0 });
  expect(await world.eventsOf(asked)).toEqual([
    [0, 1],
    [1, 1],
  ]);
});
