import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  drained,
  listen,
  send,
  sendJson,
  whenClosed,
  type HttpServer,
} from "../../common/http-server.ts";
import { createLogger } from "../../common/log.ts";
import { until } from "../support/waiting.ts";

const times = { headersMs: 800, bodyMs: 800, idleMs: 300, stallMs: 800 };

/** More than what lies between server and client can hold. */
const large = Buffer.alloc(20_000_000, "x");

let server: HttpServer;
/** How many answers have gone out, or their clients have. */
let closed = 0;

beforeAll(async () => {
  server = await listen({
    host: "127.0.0.1",
    port: 0,
    graceMs: 0,
    isReady: () => Promise.resolve(true),
    times,
    routes: {
      "/echo": async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>)
          chunks.push(chunk);
        sendJson(response, 200, { bytes: Buffer.concat(chunks).length });
      },
      "/large": (_request, response) => {
        whenClosed(response, () => (closed += 1));
        send(response, 200, "text/plain", large);
      },
      "/late": async (_request, response) => {
        await sleep(2 * times.stallMs);
        send(response, 200, "text/plain", "late\n");
      },
      "/in-pieces": async (_request, response) => {
        whenClosed(response, () => (closed += 1));
        for (let i = 0; i < 20; i++)
          if (!response.write(large.subarray(0, 1_000_000)))
            await drained(response, times.stallMs);
        response.end("the last piece");
      },
      "/never": (_request, response) => {
        whenClosed(response, () => (closed += 1));
      },
    },
    log: createLogger("test", "silent"),
  });
});
afterAll(() => server.stop());

/** A connection, what the server has said on it, and when it has ended it. */
async function open({ url } = server) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  let said = "";
  socket.on("data", (chunk) => (said += String(chunk)));
  // The server may end it while this side still writes.
  socket.on("error", () => undefined);
  const ended = new Promise<string>((resolve) =>
    socket.once("close", () => resolve(said)),
  );
  return { socket, ended };
}

/** One byte now and then, for as long as somebody listens. */
async function trickle(socket: Socket, bytes: () => string): Promise<void> {
  while (!socket.destroyed) {
    socket.write(bytes());
    await sleep(50);
  }
}

const begin = "POST /echo HTTP/1.1\r\nhost: x\r\n";

describe("a client is given up that", () => {
  test("connects and says nothing", async () => {
    const { ended } = await open();
    expect(await ended).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  test("sends its headers one by one, and never the last", async () => {
    const { socket, ended } = await open();
    socket.write(begin);
    let n = 0;
    void trickle(socket, () => `x-${(n += 1)}: y\r\n`);
    expect(await ended).toMatch(/^HTTP\/1.1 408 /);
  });

  test.each([
    ["as long as it said", "content-length: 100000\r\n\r\n", () => "x"],
    ["in pieces", "transfer-encoding: chunked\r\n\r\n", () => "1\r\nx\r\n"],
  ])("sends its body byte by byte, %s", async (_, headers, bytes) => {
    const { socket, ended } = await open();
    socket.write(begin + headers);
    void trickle(socket, bytes);
    expect(await ended).toBe("");
  });

  test("reads its answer and stays", async () => {
    const { socket, ended } = await open();
    socket.write(`${begin}content-length: 2\r\n\r\nab`);
    expect(await ended).toContain('{"bytes":2}');
  });
});

test("a client is given up that takes no more of its answer", async () => {
  const before = closed;
  const { socket } = await open();
  socket.pause();
  socket.write("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
  await until(() => Promise.resolve(closed === before + 1));
  socket.destroy();
});

test("a client that takes its answer slowly gets all of it", async () => {
  const { socket, ended } = await open();
  socket.write("GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  let taken = 0;
  socket.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    if (taken < 4_000_000) return;
    taken = 0;
    socket.pause();
    setTimeout(() => socket.resume(), 300);
  });
  expect((await ended).length).toBeGreaterThan(large.length);
});

describe("behind an answer on the same connection", () => {
  const asking = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

  test("others may take their time", async () => {
    const { socket, ended } = await open();
    socket.write(
      `${begin}content-length: 2\r\n\r\nab${asking("/late").repeat(2)}`,
    );
    expect(await ended).toMatch(/{"bytes":2}HTTP[^]*late\nHTTP[^]*late\n$/);
  });

  test("one that is written as it is taken waits for its turn", async () => {
    const { socket, ended } = await open();
    socket.write(asking("/late") + asking("/in-pieces"));
    const said = await ended;
    expect(said).toMatch(/late\nHTTP/);
    expect(said).toContain("the last piece");
  });
});

test("a client is given up that takes no more of an answer that is written as it is taken", async () => {
  const before = closed;
  const { socket } = await open();
  socket.pause();
  socket.write("GET /in-pieces HTTP/1.1\r\nhost: x\r\n\r\n");
  await until(() => Promise.resolve(closed === before + 1));
  socket.destroy();
});

test("of requests that are sent at once by a client that leaves, all are over", async () => {
  const before = closed;
  const { socket } = await open();
  socket.write("GET /never HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3));
  await sleep(100);
  socket.resetAndDestroy();
  await until(() => Promise.resolve(closed === before + 3));
});

test("a client that takes its time within these is served", async () => {
  const { socket, ended } = await open();
  socket.write(`${begin}connection: close\r\n`);
  await sleep(100);
  socket.write("content-length: 2\r\n\r\na");
  await sleep(100);
  socket.write("b");
  expect(await ended).toContain('{"bytes":2}');
});

test.each([
  ["a header that is too large", `x: ${"y".repeat(20_000)}\r\n\r\n`, 431],
  ["too many headers", `${"x: yyyyyyyyyy\r\n".repeat(2_000)}\r\n`, 431],
  ["two lengths", "content-length: 1\r\ncontent-length: 2\r\n\r\n", 400],
  [
    "two ends of its body",
    "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    400,
  ],
  ["a line that is no header", "nonsense\r\n\r\n", 400],
])("a request with %s is refused", async (_, headers, status) => {
  const { socket, ended } = await open();
  socket.write(begin + headers);
  expect(await ended).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test("a server that stops ends the connection of an answer that it had begun to give", async () => {
  let end = () => undefined as unknown;
  const stopping = await listen({
    host: "127.0.0.1",
    port: 0,
    graceMs: 20,
    isReady: () => Promise.resolve(true),
    routes: {
      "/slow": (_request, response) => {
        response.write("half of it");
        end = () => response.end("and the rest");
      },
    },
    log: createLogger("test", "silent"),
  });
  const { socket, ended } = await open(stopping);
  socket.write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(socket, "data");
  const stopped = stopping.stop();
  // Until it has ended what is idle.
  await sleep(200);
  end();
  // Left open, it would be kept for the time that a client may be idle.
  await stopped;
  expect(await ended).toContain("and the rest");
}, 10_000);
