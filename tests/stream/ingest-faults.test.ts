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
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as } from "../support/run.ts";
import type { Stream } from "../support/seed.ts";
import { times } from "../support/text.ts";
import {
  begin,
  send,
  type OpenUpload,
  type Received,
  type Upload,
} from "../support/uploads.ts";
import { everythingWritten } from "../support/written.ts";
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
/** Of several properties. */
let pump: Stream;
let graph: TestGraph;
beforeAll(async () => {
  world = await createUploadWorld();
  ({ database, seed, tenant, identity, writer } = world);
  graph = await startGraph(database, "in one process", {
    environment: {
      ...environment,
      INGEST_AT_ONCE: "4",
      INGEST_IDLE_MS: "10000",
      INGEST_YIELD_MS: "1000",
    },
  });
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});
const eventsOf = (stream: Stream) => world.eventsOf(stream);
beforeEach(async () => {
  await database.owner.raw("truncate stream.events, stream.latest");
  [a, b, pump] = [
    await seed.stream(tenant),
    await seed.stream(tenant),
    await seed.stream(tenant, {
      properties: [
        { name: "flow", kind: "FLOAT" },
        { name: "count", kind: "INTEGER" },
        { name: "isOpen", kind: "BOOLEAN" },
        { name: "note", kind: "TEXT" },
        { name: "stream", kind: "TIMESTAMP" },
      ],
    }),
  ];
});

async function allOf({ tenantId, id }: Stream) {
  return database
    .owner("stream.events")
    .where({ tenant_id: tenantId, stream_id: id })
    .orderBy("ts")
    .select("value", "numbers", "texts");
}

const upload = (
  body: Parameters<typeof send>[2],
  options: Parameters<typeof send>[3] = {},
  who: Viewer | string = writer,
) => send(graph, who, body, options);

/** Shows that what is refused has written nothing. */
async function refused(work: () => Promise<Received>): Promise<Received> {
  const before = await everythingWritten(database);
  const received = await work();
  expect(await everythingWritten(database)).toEqual(before);
  return received;
}

const wideCsv = () =>
  `timestamp,${a.uuid},${b.uuid}\n${second(0)},1,2\n${second(1)},3,\n`;

test("streams are called by their external ids in a namespace of one's own", async () => {
  const [namespace] = (await database
    .owner("stream.streams as s")
    .join("stream.namespaces as n", "n.id", "s.namespace_id")
    .where({ "s.id": a.id })
    .select("n.name", "s.external_id as externalId")) as {
    name: string;
    externalId: string;
  }[];
  const query = `?namespace=${encodeURIComponent(namespace?.name ?? "")}`;
  const csv = (name = "") => csvOf(a, [1]).replace(a.uuid, name);
  expect(await upload(csv(namespace?.externalId), { query })).toEqual({
    status: 200,
    eventCount: 1,
    rowCount: 1,
  });
  expect(await eventsOf(a)).toEqual([[0, 1]]);
  const unknown = {
    status: 404,
    code: "NOT_FOUND",
    eventCount: 0,
    rowCount: 0,
  };
  expect(await refused(() => upload(csv("none"), { query }))).toMatchObject({
    ...unknown,
    at: 'column "none"',
  });
  expect(
    await refused(() => upload(csv("none"), { query: "?namespace=none" })),
  ).toMatchObject({ ...unknown, at: "namespace" });
  const elsewhere = as(await seed.client(await seed.tenant(), ["CONTRIBUTOR"]));
  expect(
    await refused(() =>
      upload(csv(namespace?.externalId), { query }, elsewhere),
    ),
  ).toMatchObject({ ...unknown, at: "namespace" });
});

test("all properties are columns of long files, also those that are called as a column is; what is left out is null", async () => {
  const full = [7.5, [3, 1, Date.UTC(2026, 0, 1) * 1000], ['a, "b"\nc']];
  const nothing = [null, [null, null, null], [null]];
  const empty = [1, [null, null, null], [""]];
  const csv = `stream,timestamp,flow,count,isOpen,note,property stream
${pump.uuid},${second(0)},7.5,3,TRUE,"a, ""b""\nc",${second(0)}
${pump.uuid},${second(1)},,,,,
${pump.uuid},${second(2)},1,,,"",
`;
  expect(await upload(csv)).toMatchObject({ eventCount: 3, rowCount: 3 });
  const stored = [full, nothing, empty].map(([value, numbers, texts]) => ({
    value,
    numbers,
    texts,
  }));
  expect(await allOf(pump)).toEqual(stored);
  const stream = pump.uuid;
  const lines = [
    {
      stream,
      timestamp: second(0),
      flow: 7.5,
      count: 3,
      isOpen: true,
      note: 'a, "b"\nc',
      "property stream": second(0),
    },
    { stream, timestamp: second(1) },
    { stream, timestamp: second(2), flow: 1, note: "" },
  ];
  expect(
    await upload(lines.map((line) => JSON.stringify(line)).join("\n"), {
      type: jsonLines,
      query: "?mode=REPLACE",
    }),
  ).toMatchObject({ eventCount: 3 });
  expect(await allOf(pump)).toEqual(stored);
});

test("PATCH changes the properties that have columns, and takes a value for each", async () => {
  await upload(`stream,timestamp,flow,count\n${pump.uuid},${second(0)},1,2\n`);
  const query = "?mode=PATCH";
  expect(
    await upload(`stream,timestamp,count\n${pump.uuid},${second(0)},9\n`, {
      query,
    }),
  ).toMatchObject({ eventCount: 1 });
  expect(await allOf(pump)).toMatchObject([
    { value: 1, numbers: [9, null, null] },
  ]);
  expect(
    await refused(() =>
      upload(`stream,timestamp,count,flow\n${pump.uuid},${second(0)},9,\n`, {
        query,
      }),
    ),
  ).toMatchObject({
    status: 400,
    at: "line 2",
    message: expect.stringContaining('"flow" has no value'),
  });
});

test("of several rows of one time the last counts; INSERT takes none twice", async () => {
  const csv = `timestamp,${a.uuid}\n${second(1)},1\n${second(0)},2\n${second(1)},3\n${second(2)},4\n${second(1)},\n${second(0)},5\n`;
  expect(await upload(csv)).toMatchObject({ status: 200, rowCount: 6 });
  expect(await eventsOf(a)).toEqual([
    [0, 5],
    [1, 3],
    [2, 4],
  ]);
  const twice = `timestamp,${b.uuid}\n${second(0)},1\n${second(0)},1\n`;
  expect(
    await refused(() => upload(twice, { query: "?mode=INSERT" })),
  ).toMatchObject({
    status: 400,
    at: "line 3",
    message: expect.stringContaining("given twice"),
  });
});

test.each<[string, () => string | Buffer, Upload, number, RegExp]>([
  ["an empty file", () => "", {}, 400, /the file is empty/],
  ["no JSON", () => "{", { type: jsonLines }, 400, /line 1: this is no JSON/],
  [
    "no object",
    () => "\n[1]",
    { type: jsonLines },
    400,
    /line 2: write an object/,
  ],
  [
    "a list in a cell",
    () => `{"timestamp":"${second(0)}","${a.uuid}":[1]}`,
    { type: jsonLines },
    400,
    /line 1: .*not a list/,
  ],
  ["no timestamps", () => `time,${a.uuid}\n`, {}, 400, /no column "timestamp"/],
  ["no values", () => "timestamp,stream\n", {}, 400, /no column of values/],
  [
    "two columns of one name",
    () => `timestamp,${a.uuid},${a.uuid}\n`,
    {},
    400,
    /column 3 .* no name of its own/,
  ],
  [
    "a stream of several properties in a column",
    () => csvOf(pump, [1]),
    {},
    400,
    /several properties/,
  ],
  [
    "a property that the stream does not have",
    () => `stream,timestamp,other\n${a.uuid},${second(0)},1\n`,
    {},
    400,
    /line 2: column "other": .*no such property. It has "value"/,
  ],
  [
    "a row without a stream",
    () => `stream,timestamp,value\n,${second(0)},1\n`,
    {},
    400,
    /line 2: column "stream"/,
  ],
  ["no text", () => Buffer.from([0xff, 0xfe]), {}, 400, /line 1: .*utf-8/],
  [
    "no gzip",
    () => wideCsv(),
    { headers: { "content-encoding": "gzip" } },
    400,
    /gzip data is broken/,
  ],
  [
    "another mode",
    () => wideCsv(),
    { query: "?mode=MERGE" },
    400,
    /one of UPSERT, INSERT, REPLACE, PATCH/,
  ],
  [
    "a parameter that is misspelt",
    () => wideCsv(),
    { query: "?modus=INSERT" },
    400,
    /nothing else/,
  ],
  [
    "a parameter twice",
    () => wideCsv(),
    { query: "?mode=INSERT&mode=INSERT" },
    400,
    /each once/,
  ],
  [
    "no number to skip",
    () => wideCsv(),
    { query: "?skip=-1" },
    400,
    /rowCount/,
  ],
  [
    "a name in the place of an id",
    () => "timestamp,Pump\n2026-01-01T00:00:00Z,1\n",
    {},
    404,
    /Not found/,
  ],
])(
  "refuses %s, and writes nothing",
  async (_, body, options, status, message) => {
    const received = await refused(() => upload(body(), options));
    expect(received.status).toBe(status);
    expect(received.message).toMatch(message);
  },
);

test.each<[string, () => string | Buffer, Upload, object]>([
  [
    "a row",
    () => `timestamp,${a.uuid}\n${second(0)},"${"x".repeat(1_100_000)}`,
    {},
    { limit: 1_048_576, at: "line 2" },
  ],
  [
    "a line",
    () => `{"timestamp":"${"x".repeat(1_100_000)}"}`,
    { type: jsonLines },
    { limit: 1_048_576, at: "line 1" },
  ],
  [
    "columns",
    () => `timestamp,${numbers(1_002).join()}\n`,
    {},
    { limit: 1_002, value: 1_003 },
  ],
  [
    "keys",
    () =>
      JSON.stringify(
        Object.fromEntries(numbers(1_003).map((n) => [`k${n}`, n])),
      ),
    { type: jsonLines },
    { limit: 1_002 },
  ],
  [
    "bytes, unpacked",
    () =>
      gzipSync(
        times(
          3,
          (i) =>
            `{"timestamp":"${second(i)}","${a.uuid}":1${" ".repeat(900_000)}}`,
          "\n",
        ),
      ),
    { type: jsonLines, headers: { "content-encoding": "gzip" } },
    { limit: 2_000_000 },
  ],
])("too long or too many: %s", async (_, body, options, limit) => {
  const received = await refused(() => upload(body(), options));
  expect(received).toMatchObject({
    status: 413,
    code: "LIMIT_EXCEEDED",
    eventCount: 0,
    rowCount: 0,
    ...limit,
  });
});

test("a tenant has so many uploads at a time; others have theirs", async () => {
  const open = [await begin(graph, writer), await begin(graph, writer)];
  for (const { request } of open) request.write("timestamp,");
  await sleep(100);
  expect(await refused(() => upload(csvOf(a, [1])))).toMatchObject({
    status: 429,
    code: "RATE_LIMITED",
    message: expect.stringContaining("At most 2 uploads of a tenant"),
  });
  const stranger = as(await seed.client(await seed.tenant(), ["CONTRIBUTOR"]));
  expect(await upload(csvOf(a, [1]), {}, stranger)).toMatchObject({
    status: 404,
  });
  for (const { request } of open) request.end(`${a.uuid}\n${second(0)},1\n`);
  for (const { received } of open) expect((await received).status).toBe(200);
  expect(await upload(csvOf(a, [1]))).toMatchObject({ status: 200 });
});

test("who is slow gives way to a tenant with fewer uploads where all places are taken", async () => {
  const newWriter = async () =>
    as(await seed.client(await seed.tenant(), ["CONTRIBUTOR"]));
  const [other, stranger] = [await newWriter(), await newWriter()];
  const slow: OpenUpload[] = [];
  for (const who of [writer, writer, other, other]) {
    slow.push(await begin(graph, who));
    slow.at(-1)?.request.write("timestamp,");
    await sleep(50);
  }
  const send = () => upload(csvOf(a, [1]), {}, stranger);
  expect(await send()).toMatchObject({
    status: 429,
    message: expect.stringContaining("At most 4 uploads at a time"),
  });
  await sleep(1_000);
  // It has a place, and this stream is another tenant's.
  expect(await refused(send)).toMatchObject({ status: 404 });
  const [first, ...rest] = slow;
  expect(await first?.received).toMatchObject({
    status: 429,
    code: "RATE_LIMITED",
    message: expect.stringContaining("Others wait for this place"),
    rowCount: 0,
  });
  first?.request.destroy();
  for (const { request } of rest) request.end(`${a.uuid}\n${second(0)},1\n`);
  const statuses = rest.map(async ({ received }) => (await received).status);
  expect(await Promise.all(statuses)).toEqual([200, 404, 404]);
});

test("an upload that is repeated under its key is answered as it was", async () => {
  const query = `?mode=INSERT&idempotencyKey=${encodeURIComponent("night shift")}`;
  const first = await upload(csvOf(a, numbers(10)), { query });
  expect(first).toEqual({ status: 200, eventCount: 10, rowCount: 10 });
  const pieces = csvOf(a, numbers(10))
    .split("")
    .map((letter) => Buffer.from(letter));
  expect(await refused(() => upload(pieces, { query }))).toEqual(first);
  expect(
    await refused(() => upload(csvOf(a, numbers(10).reverse()), { query })),
  ).toMatchObject({
    status: 409,
    message: expect.stringContaining("This key was used"),
  });
  expect(
    await refused(() =>
      upload(csvOf(a, numbers(10)), { query: "?mode=INSERT" }),
    ),
  ).toMatchObject({ status: 409, at: "line 2" });
  // One that broke off is made whole.
  const half = `?mode=INSERT&idempotencyKey=${encodeURIComponent("early shift")}`;
  const body = csvOf(b, numbers(10));
  expect(
    await upload(body.replace(",9\n", ",x\n"), { query: half }),
  ).toMatchObject({ status: 400, rowCount: 8 });
  expect(await upload(body, { query: half })).toMatchObject({
    status: 200,
    eventCount: 10,
  });
  expect(await eventsOf(b)).toEqual(counted(10));
});

test("each batch is an entry of the ledger, without values", async () => {
  await database.owner.raw("truncate ledger.entries cascade");
  await upload(csvOf(a, numbers(5)));
  const entries = (await database
    .owner("ledger.entries")
    .where({ kind: "EVENTS" })
    .orderBy("id")
    .select("action", "after")) as object[];
  expect(entries).toMatchObject(
    [4, 1].map((count) => ({
      action: "writeEvents",
      after: { mode: "UPSERT", streams: [{ id: a.uuid, count }] },
    })),
  );
});

test("other tenants' streams: what is not shared is not there, what is shared is not written", async () => {
  const community = await seed.community(await seed.tenant());
  const owner = await seed.tenant();
  const [shared, hidden] = [await seed.stream(owner), await seed.stream(owner)];
  await seed.share(shared, await seed.membership(community, owner));
  await seed.member(await seed.membership(community, tenant), identity);
  const never = await refused(() =>
    upload(csvOf({ ...a, uuid: crypto.randomUUID() }, [1])),
  );
  const ofHidden = await refused(() => upload(csvOf(hidden, [1])));
  expect({ ...ofHidden, at: "" }).toEqual({ ...never, at: "" });
  expect(await refused(() => upload(csvOf(shared, [1])))).toMatchObject({
    status: 403,
    code: "FORBIDDEN",
    message: expect.stringContaining("belongs to another tenant"),
  });
});

describe("a fault in the middle: what comes before its batch is stored, and where to go on is told", () => {
  // Four rows of two cells make a batch.
  test.each<[string, string, string]>([
    ["a word in place of a number", `${second(9)},oops`, 'line 11: column "'],
    [
      "no timestamp",
      "yesterday,1",
      'line 11: column "timestamp": "yesterday" is no timestamp',
    ],
    ["too many cells", `${second(9)},1,2`, "line 11: 3 cells for 2 columns"],
    [
      "a quote that does not enclose",
      `${second(9)},1"`,
      "line 11: cell 2 has a quote",
    ],
  ])("%s", async (_, row, message) => {
    const received = await upload(
      `${csvOf(a, numbers(9))}${row}\n${second(10)},10\n`,
    );
    // A file is read ahead of what is written, and a row that is no row ends the reading.
    expect(received).toMatchObject({
      status: 400,
      code: "BAD_USER_INPUT",
      at: "line 11",
      message: expect.stringContaining(message),
      eventCount: 8,
      rowCount: 8,
    });
    expect(await eventsOf(a)).toEqual(counted(8));
    const mended = `${csvOf(a, numbers(11))}`;
    expect(
      await upload(mended, {
        query: `?mode=INSERT&skip=${received.rowCount}`,
      }),
    ).toEqual({ status: 200, eventCount: 3, rowCount: 11 });
    expect(await eventsOf(a)).toEqual(counted(11));
  });

  test("an event that INSERT finds there", async () => {
    await upload(csvOf(a, [7]).replace(second(0), second(6)));
    expect(
      await upload(csvOf(a, numbers(12)), { query: "?mode=INSERT" }),
    ).toMatchObject({
      status: 409,
      code: "CONFLICT",
      at: "line 8",
      eventCount: 4,
      rowCount: 4,
      message: expect.stringMatching(
        /^line 8 \(2026-01-01T00:00:06\+00:00\): there is an event/,
      ),
    });
    expect(await eventsOf(a)).toEqual([...counted(4), [6, 7]]);
  });

  test("an event that REPLACE misses", async () => {
    await upload(csvOf(a, numbers(5)));
    expect(
      await upload(csvOf(a, numbers(6)), { query: "?mode=REPLACE" }),
    ).toMatchObject({ status: 409, at: "line 7", rowCount: 4 });
  });

  test("a stream that is none", async () => {
    const line = (stream: string, at: number) =>
      `{"stream":"${stream}","timestamp":"${second(at)}","value":${at}}\n`;
    const body =
      numbers(5)
        .map((at) => line(a.uuid, at))
        .join("") + line(crypto.randomUUID(), 5);
    expect(await upload(body, { type: jsonLines })).toEqual({
      status: 404,
      code: "NOT_FOUND",
      at: "line 6",
      eventCount: 3,
      rowCount: 3,
      message: "Not found, or not visible to you. Check the id.",
    });
    expect(await eventsOf(a)).toEqual(counted(3));
  });

  test("gzip data that breaks off", async () => {
    const zipped = gzipSync(csvOf(a, numbers(9)));
    expect(
      await upload(zipped.subarray(0, -12), {
        headers: { "content-encoding": "gzip" },
      }),
    ).toMatchObject({
      status: 400,
      at: "content-encoding",
      message: expect.stringContaining("gzip"),
    });
  });
});
