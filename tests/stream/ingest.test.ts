import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Viewer } from "../../common/viewer.ts";
import type { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as } from "../support/run.ts";
import type { Identity, Stream } from "../support/seed.ts";
import { begin, send, type Upload } from "../support/uploads.ts";
import { until } from "../support/waiting.ts";
import {
  counted,
  createUploadWorld,
  csvOf,
  environment,
  jsonLines,
  numbers,
  second,
  type UploadWorld,
} from "./upload-world.ts";

let world: UploadWorld;
let database: TestDatabase;
let seed: UploadWorld["seed"];
let tenant: UploadWorld["tenant"];
let identity: UploadWorld["identity"];
let writer: Viewer;
let a: Stream;
let b: Stream;
beforeAll(async () => {
  world = await createUploadWorld();
  ({ database, seed, tenant, identity, writer } = world);
});
afterAll(() => database.drop());
const eventsOf = (stream: Stream) => world.eventsOf(stream);
beforeEach(async () => {
  await database.owner.raw("truncate stream.events, stream.latest");
  [a, b] = [await seed.stream(tenant), await seed.stream(tenant)];
});

describe.each(modes)("%s", (mode) => {
  let graph: TestGraph;
  beforeAll(async () => {
    graph = await startGraph(database, mode, { environment });
  });
  afterAll(() => graph.stop());

  const upload = (
    body: Parameters<typeof send>[2],
    options: Parameters<typeof send>[3] = {},
    who: Viewer | string = writer,
  ) => send(graph, who, body, options);

  const wideCsv = () =>
    `timestamp,${a.uuid},${b.uuid}\n${second(0)},1,2\n${second(1)},3,\n`;

  test.each<
    [
      string,
      () => Buffer | string | readonly Buffer[],
      Upload & { pauseMs?: number },
    ]
  >([
    ["CSV", wideCsv, {}],
    [
      "CSV with its parameters",
      wideCsv,
      { type: "Text/CSV; charset=utf-8; header=present" },
    ],
    [
      "gzipped CSV",
      () => gzipSync(wideCsv()),
      { headers: { "content-encoding": "gzip" } },
    ],
    [
      "CSV that comes slowly, byte by byte",
      () => [...Buffer.from(wideCsv())].map((byte) => Buffer.from([byte])),
      { pauseMs: 1 },
    ],
    [
      "long CSV",
      () =>
        `value,stream,timestamp\n1,${a.uuid},${second(0)}\n2,${b.uuid},${second(0)}\n3,${a.uuid},${second(1)}\n`,
      {},
    ],
    [
      "JSON lines",
      () =>
        `{"timestamp":"${second(0)}","${a.uuid}":1}\n\n{"timestamp":"${second(1)}","${a.uuid}":3,"${b.uuid}":null}\r\n{"timestamp":"${second(0)}","${b.uuid}":2}`,
      { type: jsonLines },
    ],
    [
      "long JSON lines",
      () =>
        [
          [a, 0, 1],
          [b, 0, 2],
          [a, 1, 3],
        ]
          .map(([stream, at, value]) =>
            JSON.stringify({
              stream: (stream as Stream).uuid,
              timestamp: second(at as number),
              value,
            }),
          )
          .join("\n"),
      { type: "application/jsonl" },
    ],
  ])("%s is stored", async (_, body, options) => {
    const received = await upload(body(), options);
    expect(received).toMatchObject({ status: 200, eventCount: 3 });
    expect(await eventsOf(a)).toEqual([
      [0, 1],
      [1, 3],
    ]);
    expect(await eventsOf(b)).toEqual([[0, 2]]);
  });

  test("what is refused from the start is answered while the body still comes", async () => {
    const refusals: [Viewer | string, Upload, number][] = [
      ["stolen", {}, 401],
      [as(await disabled()), {}, 401],
      [writer, { type: "text/html" }, 415],
      [writer, { type: "application/x-www-form-urlencoded" }, 415],
      [writer, { headers: { "content-encoding": "br" } }, 415],
      [writer, { query: "?mode=MERGE" }, 400],
    ];
    for (const [who, options, status] of refusals) {
      const { request, received } = await begin(graph, who, options);
      request.write(csvOf(a, [1]));
      expect((await received).status).toBe(status);
      request.destroy();
    }
    const foreign = await begin(graph, writer);
    foreign.request.write(
      csvOf({ ...a, uuid: crypto.randomUUID() }, numbers(5)),
    );
    expect(await foreign.received).toMatchObject({ status: 404, rowCount: 0 });
    foreign.request.destroy();
    const read = await graph.fetch("/ingest");
    expect([read.status, read.headers.get("allow")]).toEqual([405, "POST"]);
    await read.text();
    expect(await eventsOf(a)).toEqual([]);
  });

  async function disabled(): Promise<Identity> {
    const gone = await seed.client(tenant, ["CONTRIBUTOR"]);
    await database
      .owner("tenant.identities")
      .where({ id: gone.id })
      .update({ enabled: false });
    return gone;
  }

  test("nobody sends without a bearer token, and no page does by a cookie", async () => {
    const token = await graph.issuer.tokenFor(writer);
    for (const [query, headers] of [
      ["", { cookie: `token=${token}; access_token=${token}` }],
      [`?access_token=${token}`, {}],
    ] as [string, Record<string, string>][]) {
      const response = await fetch(new URL(`/ingest${query}`, graph.url), {
        method: "POST",
        headers: { "content-type": "text/csv", ...headers },
        body: csvOf(a, [1]),
      });
      expect(response.status).toBe(401);
      await response.text();
    }
    expect(await eventsOf(a)).toEqual([]);
  });

  test("a client that sends nothing is given up, and told how far it came", async () => {
    const { request, received } = await begin(graph, writer);
    request.write(csvOf(a, numbers(5)));
    expect(await received).toMatchObject({
      status: 504,
      code: "TIMEOUT",
      eventCount: 4,
      rowCount: 4,
    });
    request.destroy();
    expect(await eventsOf(a)).toEqual(counted(4));
  });

  test("a client that leaves has its whole batches stored, and nothing of the last one", async () => {
    const { request } = await begin(graph, writer);
    request.write(csvOf(a, numbers(11)));
    await until(async () => (await eventsOf(a)).length >= 8);
    request.destroy();
    await sleep(200);
    expect(await eventsOf(a)).toEqual(counted(8));
    // Its place is free again.
    expect(await upload(csvOf(a, [1]))).toMatchObject({ status: 200 });
    expect(await upload(csvOf(a, [1]))).toMatchObject({ status: 200 });
  });

  describe("what ends on the way ends the upload, at a batch", () => {
    test.each<[string, number, string, () => Promise<unknown>]>([
      [
        "the identity is disabled",
        401,
        "UNAUTHENTICATED",
        () =>
          database
            .owner("tenant.identities")
            .where({ id: identity.id })
            .update({ enabled: false }),
      ],
      [
        "WRITE is taken",
        403,
        "FORBIDDEN",
        async () => {
          const list = await seed.accessList(tenant, [
            { rights: 1, role: "CONTRIBUTOR" },
          ]);
          await database
            .owner("stream.streams")
            .where({ id: a.id })
            .update({ access_list_id: list });
        },
      ],
    ])("%s", async (_, status, code, end) => {
      try {
        const { request, received } = await begin(graph, writer);
        request.write(csvOf(a, numbers(9)));
        await until(async () => (await eventsOf(a)).length >= 8);
        await end();
        request.end(
          numbers(20)
            .map((i) => `${second(9 + i)},${i}\n`)
            .join(""),
        );
        expect(await received).toMatchObject({
          status,
          code,
          eventCount: 8,
          rowCount: 8,
        });
        expect(await eventsOf(a)).toEqual(counted(8));
      } finally {
        await database
          .owner("tenant.identities")
          .where({ id: identity.id })
          .update({ enabled: true });
      }
    });

    test("the token expires", async () => {
      const now = Math.floor(Date.now() / 1000);
      // Clocks may differ by half a minute.
      const token = await graph.issuer.sign({
        sub: identity.uuid,
        identity: identity.uuid,
        exp: now - 28,
      });
      const { request, received } = await begin(graph, token);
      request.write(csvOf(a, numbers(9)));
      await until(async () => (await eventsOf(a)).length >= 8);
      for (let i = 0; i < 4; i += 1) {
        await sleep(1_000);
        request.write(`${second(9 + i)},${9 + i}\n`);
      }
      request.end();
      expect(await received).toMatchObject({
        status: 401,
        message: expect.stringContaining("expired meanwhile"),
        rowCount: 8,
      });
    });
  });
});
