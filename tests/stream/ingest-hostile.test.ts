import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  columnFromArray,
  dictionary,
  tableFromColumns,
  tableToIPC,
  utf8,
} from "@uwdata/flechette";
import {
  Dictionary,
  Float64,
  Int32,
  makeData,
  makeVector,
  Table,
  tableToIPC as arrowToIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { EventCopy } from "../../subgraphs/stream/event/copy-format.ts";
import { arrow } from "../../subgraphs/stream/event/ingest/arrow.ts";
import { framesOf } from "../../subgraphs/stream/event/ingest/arrow-frames.ts";
import { batchesOf } from "../../subgraphs/stream/event/ingest/batches.ts";
import { recordsOf } from "../../subgraphs/stream/event/ingest/csv-records.ts";
import { jsonLines as jsonLinesIn } from "../../subgraphs/stream/event/ingest/json-lines.ts";
import { layoutOf } from "../../subgraphs/stream/event/ingest/layout.ts";
import { Uploads } from "../../subgraphs/stream/event/ingest/uploads.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import type { Stream } from "../support/seed.ts";
import { begin, send } from "../support/uploads.ts";
import { everythingWritten } from "../support/written.ts";
import {
  createUploadWorld,
  csvOf,
  jsonLines,
  second,
  type UploadWorld,
} from "./upload-world.ts";

/** What is sent to take memory, time or places from others, or to come to stand where it must not. */
let world: UploadWorld;
let graph: TestGraph;
let notes: Stream;
beforeAll(async () => {
  world = await createUploadWorld();
  graph = await startGraph(world.database, "in one process", {
    environment: {
      INGEST_IDLE_MS: "2000",
      INGEST_BATCH_MS: "3000",
      INGEST_PER_TENANT: "1",
    },
  });
  notes = await world.seed.stream(world.tenant, {
    properties: [{ name: "note", kind: "TEXT" }],
  });
});
afterAll(async () => {
  await graph.stop();
  await world.database.drop();
});

const person: Viewer = {
  ...anonymous,
  person: {
    id: "00000000-0000-4000-8000-000000000001",
    email: "ann@example.com",
    name: "Ann",
  },
};

/** Fill several of the pieces in which events are sent to PostgreSQL, and no piece wholly. */
const texts = Array.from({ length: 300 }, (_, i) =>
  `${i} `.padEnd(1000 + i, "x"),
);

async function notesStored(): Promise<string[]> {
  const { rows } = await world.database.owner.raw<{
    rows: { note: string }[];
  }>(
    `select texts[1] as note from stream.events where tenant_id = ? and stream_id = ? order by ts`,
    [notes.tenantId, notes.id],
  );
  return rows.map(({ note }) => note);
}

describe("long texts", () => {
  test("take as many bytes on their way to PostgreSQL as they have", () => {
    const copy = new EventCopy();
    const events = {
      tenantRowId: 1,
      streamRowId: 1,
      timestamps: texts.map((_, i) => i),
      value: null,
      numbers: [],
      texts: [texts],
    } as unknown as Parameters<EventCopy["add"]>[0];
    for (const i of texts.keys()) copy.add(events, i);
    const head = 19;
    const row = 2 + 8 + 8 + 12 + 4 + 4 + 4 + 20 + 4;
    const sent = texts.reduce((sum, text) => sum + row + text.length, head + 2);
    expect(Buffer.concat(copy.chunks())).toHaveLength(sent);
  });

  test("are stored as they are by an upload and by the graph", async () => {
    const lines = texts.map(
      (note, i) =>
        `${JSON.stringify({ timestamp: second(i), stream: notes.uuid, note })}\n`,
    );
    expect(
      await send(graph, world.writer, lines.join(""), { type: jsonLines }),
    ).toMatchObject({ status: 200, eventCount: texts.length });
    expect(await notesStored()).toEqual(texts);

    const { errors } = await graph.request(
      world.writer,
      `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
      {
        input: {
          mode: "REPLACE",
          streams: [
            {
              streamId: notes.uuid,
              timestamps: texts.map((_, i) => second(i)),
              columns: [{ property: "note", values: [...texts].reverse() }],
            },
          ],
        },
      },
    );
    expect(errors).toEqual([]);
    expect(await notesStored()).toEqual([...texts].reverse());
  });

  test("that an Arrow dictionary holds once are counted for each row", async () => {
    const column = (text: string) =>
      columnFromArray(Array<string>(5000).fill(text), dictionary(utf8()));
    const file = tableToIPC(
      tableFromColumns({
        timestamp: column(second(0)),
        stream: column(notes.uuid),
        note: column("x".repeat(8000)),
      }),
      { format: "stream" },
    ) as Uint8Array;
    expect(file.length).toBeLessThan(100_000);
    async function* bytes() {
      yield Buffer.from(file);
    }
    const limits = { cells: 100_000, bytes: 2 ** 20, streams: 1_000 };
    for await (const { rowCount } of batchesOf(
      arrow(bytes()),
      layoutOf,
      limits,
    ))
      expect(rowCount * 8000).toBeLessThanOrEqual(limits.bytes);
  });
});

describe("an Arrow dictionary", () => {
  const parts = (texts: readonly string[]) =>
    new Vector(
      texts.map((text) =>
        makeData({
          type: new Utf8(),
          length: 1,
          nullCount: 0,
          valueOffsets: new Int32Array([0, text.length]),
          data: Buffer.from(text),
        }),
      ),
    );

  /** A row whose texts are in a dictionary of so many parts; each but the first is a delta. */
  function fileOf(stream: Stream, count: number): Buffer {
    const names = parts(Array<string>(count).fill(stream.uuid));
    const times = parts(Array<string>(count).fill(second(0)));
    return Buffer.from(
      arrowToIPC(
        new Table({
          timestamp: dictionaryVector(times),
          stream: dictionaryVector(names),
          value: vectorFromArray([1], new Float64()),
        }),
        "stream",
      ),
    );
  }
  const dictionaryVector = (values: Vector) =>
    makeVector({
      type: new Dictionary(values.type, new Int32()),
      data: new Int32Array([values.length - 1]),
      dictionary: values,
    });
  const upload = (file: Buffer) =>
    send(graph, world.writer, gzipSync(file), {
      type: "application/vnd.apache.arrow.stream",
      headers: { "content-encoding": "gzip" },
    });

  test("comes in up to 64 parts: with each all of them are joined anew", async () => {
    const stream = await world.seed.stream(world.tenant);
    const before = await everythingWritten(world.database);
    expect(await upload(fileOf(stream, 65))).toMatchObject({
      status: 413,
      code: "LIMIT_EXCEEDED",
      limit: 64,
      at: "message 66",
    });
    expect(await everythingWritten(world.database)).toEqual(before);
    expect(await upload(fileOf(stream, 64))).toMatchObject({ status: 200 });
  });

  /** Schema, dictionary of times, dictionary of names, rows. */
  async function messagesOf(stream: Stream): Promise<Buffer[]> {
    async function* file() {
      yield fileOf(stream, 1);
    }
    const messages: Buffer[] = [];
    for await (const message of framesOf(file())) messages.push(message);
    return messages;
  }

  test("is written whole as often as it changes", async () => {
    const stream = await world.seed.stream(world.tenant);
    const [schema = Buffer.alloc(0), ...rest] = await messagesOf(stream);
    const again = Array<Buffer[]>(100).fill(rest).flat();
    expect(await upload(Buffer.concat([schema, ...again]))).toMatchObject({
      status: 200,
      rowCount: 100,
    });
  });

  test("of more values than it has bytes is refused before place is made for them", async () => {
    const stream = await world.seed.stream(world.tenant);
    const messages = await messagesOf(stream);
    const names = messages[2] ?? Buffer.alloc(0);
    // Its lengths are all that is 1 there.
    for (let at = 8; at < names.indexOf(stream.uuid) - 8; at += 8)
      if (names.readBigInt64LE(at) === 1n) names.writeBigInt64LE(2n ** 25n, at);
    expect(await upload(Buffer.concat(messages))).toMatchObject({
      status: 400,
      message: expect.stringContaining("fewer bytes than values"),
    });
  });
});

test("a line counts for the columns that lines before it have named", async () => {
  const named = Object.fromEntries(
    Array.from({ length: 900 }, (_, i) => [`column ${i}`, null]),
  );
  const lines = Array.from({ length: 2000 }, (_, i) =>
    JSON.stringify({
      timestamp: second(i),
      stream: "x",
      ...(i === 0 && named),
    }),
  );
  async function* bytes() {
    yield Buffer.from(lines.join("\n"));
  }
  const limits = { cells: 100_000, bytes: 2 ** 24, streams: 1_000 };
  for await (const { rowCount } of batchesOf(
    jsonLinesIn(bytes()),
    layoutOf,
    limits,
  ))
    expect(rowCount * 902).toBeLessThanOrEqual(limits.cells);
});

describe("empty lines", () => {
  const formats: Record<string, (stream: Stream, rows: number) => string[]> = {
    "text/csv": (stream, rows) =>
      csvOf(stream, Array<number>(rows).fill(1)).split("\n").slice(0, -1),
    [jsonLines]: ({ uuid }, rows) =>
      Array.from({ length: rows }, (_, i) =>
        JSON.stringify({ stream: uuid, timestamp: second(i), value: 1 }),
      ),
  };

  test.each(Object.entries(formats))(
    "%s: cost as rows do, and there may be as many, and a thousand",
    async (type, linesOf) => {
      const stream = await world.seed.stream(world.tenant);
      const rows = 1_500;
      const lines = linesOf(stream, rows);
      const sendLines = (between: string, end: string) =>
        send(graph, world.writer, lines.join(between) + end, { type });
      expect(await sendLines("\r\n \r\n", "\n".repeat(900))).toEqual({
        status: 200,
        eventCount: rows,
        rowCount: rows,
      });
      const before = await everythingWritten(world.database);
      const at = lines.length + 1_000 + lines.length;
      expect(await sendLines("\n", "\n".repeat(10_000))).toMatchObject({
        status: 413,
        code: "LIMIT_EXCEEDED",
        at: `line ${at + 1}`,
        message:
          "At most 1000 empty lines more than rows; this asks for 1001. Leave them out.",
      });
      expect(await everythingWritten(world.database)).toEqual(before);
    },
  );
});

test("a row of quotes alone takes no longer than others of its length", async () => {
  const file = Buffer.from(`timestamp,x\na,"${'"'.repeat(1_000_000)}"\n`);
  async function* bytes() {
    yield file;
  }
  const start = performance.now();
  let count = 0;
  for await (const rows of recordsOf(bytes())) count += rows.length;
  expect(count).toBe(2);
  // Eleven seconds, where each quote looked for the end of the row.
  expect(performance.now() - start).toBeLessThan(2000);
});

test.each([
  ["a cell of digits", "9".repeat(500_000) + "x"],
  ["a cell of white space", `1${" ".repeat(500_000)}x`],
])("%s is refused as fast as others", async (_, cell) => {
  const stream = await world.seed.stream(world.tenant);
  const start = performance.now();
  expect(await send(graph, world.writer, csvOf(stream, [cell]))).toMatchObject({
    status: 400,
    code: "BAD_USER_INPUT",
    at: "line 2",
  });
  expect(performance.now() - start).toBeLessThan(3000);
  expect(await world.eventsOf(stream)).toEqual([]);
});

test("a unit that is none is refused as fast as others, however long", async () => {
  const stream = await world.seed.stream(world.tenant);
  const start = performance.now();
  const { errors } = await graph.request(
    world.writer,
    `query ($id: ID!, $uom: String) { stream(id: $id) { last(uom: $uom) { value } } }`,
    { id: stream.uuid, uom: `${"m2".repeat(50_000)}!` },
  );
  expect(errors[0]?.extensions.code).toBe("BAD_USER_INPUT");
  expect(performance.now() - start).toBeLessThan(3000);
});

test.each([
  ["a stream", jsonLines, `{"timestamp":"${second(0)}","\\u0000x":1}\n`, ""],
  ["a namespace", "text/csv", `timestamp,x\n${second(0)},1\n`, "%00"],
])("%s whose name has a NUL is not found", async (_, type, body, namespace) => {
  const before = await everythingWritten(world.database);
  const known = await world.database
    .owner("stream.namespaces")
    .where({ tenant_id: world.tenant.id })
    .first("name");
  const name =
    namespace || encodeURIComponent((known as { name: string }).name);
  expect(
    await send(graph, world.writer, body, {
      type,
      query: `?namespace=${name}`,
    }),
  ).toMatchObject({ status: 404, code: "NOT_FOUND", eventCount: 0 });
  expect(await everythingWritten(world.database)).toEqual(before);
});

test("who has no tenant is refused before anything is read", async () => {
  const before = await everythingWritten(world.database);
  const { request, received } = await begin(graph, person);
  request.write("timestamp,x\n");
  expect(await received).toMatchObject({ status: 403, code: "FORBIDDEN" });
  request.destroy();
  expect(await everythingWritten(world.database)).toEqual(before);
});

test("who sends a little now and then does not keep its place", async () => {
  const stream = await world.seed.stream(world.tenant);
  const { request, received } = await begin(graph, world.writer);
  request.write(csvOf(stream, []));
  let isAnswered = false;
  void received.finally(() => (isAnswered = true));
  for (let i = 0; !isAnswered && i < 50; i += 1) {
    request.write(`${second(i)},1\n`);
    await sleep(200);
  }
  expect(await received).toMatchObject({
    status: 504,
    code: "TIMEOUT",
    eventCount: 0,
  });
  request.destroy();
  expect(await world.eventsOf(stream)).toEqual([]);
  expect(await send(graph, world.writer, csvOf(stream, [1]))).toMatchObject({
    status: 200,
  });
});

test("a place is taken from no tenant that has as few, and from nobody whose events are being stored", async () => {
  const uploads = new Uploads({ perTenant: 2, atOnce: 2, yieldMs: 0 });
  const open = (tenant: number, isStoring = false) =>
    uploads.run(tenant, async (place) => {
      const isTaken = () => once(place.abandon.signal, "abort");
      await (isStoring ? place.keepFor(isTaken) : isTaken());
    });
  const waiting = open(1);
  void open(2, true);
  const full = "At most 2 uploads at a time";
  await expect(open(1)).rejects.toThrow(full);
  await expect(open(2)).rejects.toThrow(full);
  void open(3, true);
  await waiting;
  await expect(open(4)).rejects.toThrow(full);
});

test("who sends faster than is stored waits", async () => {
  const stream = await world.seed.stream(world.tenant);
  const most = 64 * 2 ** 20;
  const row = `${second(0)},1\n`;
  const piece = row.repeat(2 ** 16 / row.length);
  let sent = 0;
  await world.database.owner.transaction(async (busy) => {
    await busy.raw("lock table stream.latest in exclusive mode");
    const { request } = await begin(graph, world.writer);
    request.write(csvOf(stream, [1]));
    for (let isTaken = true; isTaken && sent < most; sent += piece.length)
      if (!request.write(piece))
        isTaken = await Promise.race([
          once(request, "drain").then(() => true),
          sleep(1_000).then(() => false),
        ]);
    request.destroy();
  });
  expect(sent).toBeLessThan(most);
});
