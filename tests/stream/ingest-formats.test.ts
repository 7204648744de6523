import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  bool,
  columnFromArray,
  dictionary,
  float32,
  float64,
  int32,
  int64,
  tableFromColumns,
  tableToIPC,
  timestamp,
  TimeUnit,
  utf8,
  uint8,
} from "@uwdata/flechette";
import fc from "fast-check";
import { gzipSync } from "node:zlib";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { run } from "../support/run.ts";
import type { Stream } from "../support/seed.ts";
import { send } from "../support/uploads.ts";
import {
  createUploadWorld,
  jsonLines,
  second,
  type UploadWorld,
} from "./upload-world.ts";
import { streamSubgraph } from "./world.ts";

/** Each format against `writeEvents`, and Arrow against what can be wrong with it. */
let world: UploadWorld;
let graph: TestGraph;
beforeAll(async () => {
  world = await createUploadWorld();
  graph = await startGraph(world.database, "in one process", {
    environment: { INGEST_BATCH_CELLS: "40" },
  });
});
afterAll(async () => {
  await graph.stop();
  await world.database.drop();
});

const arrowType = "application/vnd.apache.arrow.stream";
type Columns = Parameters<typeof tableFromColumns>[0];
const arrowOf = (columns: Columns) =>
  Buffer.from(
    tableToIPC(tableFromColumns(columns), { format: "stream" }) as Uint8Array,
  );
const times = (unit: Parameters<typeof timestamp>[0], ...seconds: number[]) =>
  columnFromArray(
    seconds.map((n) => new Date(second(n))),
    timestamp(unit, "UTC"),
    { maxBatchRows: 7 },
  );

const upload = (
  body: string | Buffer,
  type: string,
  query = "",
  headers = {},
) => send(graph, world.writer, body, { type, query, headers });

describe("Arrow", () => {
  test.each([
    ["seconds", TimeUnit.SECOND],
    ["milliseconds", TimeUnit.MILLISECOND],
    ["microseconds", TimeUnit.MICROSECOND],
    ["nanoseconds", TimeUnit.NANOSECOND],
  ])("in %s, a column a stream", async (_, unit) => {
    const [a, b] = [
      await world.seed.stream(world.tenant),
      await world.seed.stream(world.tenant),
    ];
    const body = arrowOf({
      timestamp: times(unit, 0, 1, 2),
      [a.uuid]: columnFromArray([1.5, null, -0.25], float32()),
      [b.uuid]: columnFromArray([7, 8, null], uint8()),
    });
    for (const [bytes, headers] of [
      [body, {}],
      [gzipSync(body), { "content-encoding": "gzip" }],
    ] as const)
      expect(await upload(bytes, arrowType, "", headers)).toEqual({
        status: 200,
        eventCount: 4,
        rowCount: 3,
      });
    expect(await world.eventsOf(a)).toEqual([
      [0, 1.5],
      [2, -0.25],
    ]);
    expect(await world.eventsOf(b)).toEqual([
      [0, 7],
      [1, 8],
    ]);
  });

  test("in many record batches, one schema for all", async () => {
    const { seed, tenant } = world;
    const stream = await seed.stream(tenant);
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const table = tableFromColumns({
      timestamp: times(TimeUnit.SECOND, ...numbers),
      [stream.uuid]: columnFromArray(numbers, float64(), { maxBatchRows: 7 }),
    });
    const body = Buffer.from(
      tableToIPC(table, { format: "stream" }) as Uint8Array,
    );
    expect(await upload(body, arrowType)).toMatchObject({
      status: 200,
      rowCount: 100,
    });
    expect(await world.eventsOf(stream)).toEqual(numbers.map((n) => [n, n]));
    const schema = body.subarray(0, 8 + body.readUInt32LE(4));
    expect(
      await upload(Buffer.concat([schema, schema]), arrowType),
    ).toMatchObject({ status: 400, at: "message 2" });
  });

  test("a file that was downloaded can be sent", async () => {
    const { seed, tenant, writer } = world;
    const [from, to] = [await seed.stream(tenant), await seed.stream(tenant)];
    await seed.events(from, 50);
    const authorization = `Bearer ${await graph.issuer.tokenFor(writer)}`;
    const address = `/data/streams?ids=${from.uuid}&format=`;
    const get = (format: string) =>
      graph.fetch(address + format, { headers: { authorization } });
    const csv = (await (await get("csv")).text()).replaceAll(
      from.uuid,
      to.uuid,
    );
    expect(await upload(csv, "text/csv")).toMatchObject({
      status: 200,
      eventCount: 50,
    });
    const arrow = Buffer.from(await (await get("arrow")).arrayBuffer());
    // A name of the same length, wherever it stands.
    const renamed = Buffer.from(
      arrow.toString("latin1").replaceAll(from.uuid, to.uuid),
      "latin1",
    );
    expect(await upload(renamed, arrowType, "?mode=REPLACE")).toMatchObject({
      status: 200,
      eventCount: 50,
    });
    expect(await world.eventsOf(to)).toEqual(await world.eventsOf(from));
  });

  test.each(["csv", "jsonl", "arrow"])(
    "properties that are called as columns are keep theirs on the way out and in: %s",
    async (format) => {
      const { seed, tenant, writer } = world;
      const names = [
        ...["timestamp", "stream", "property timestamp", "property stream"],
        ...["property property stream", "property", "property x"],
      ];
      const [from, to] = await Promise.all(
        [1, 2].map(() =>
          seed.stream(tenant, {
            properties: names.map((name) => ({ name, kind: "TEXT" as const })),
          }),
        ),
      );
      if (!from || !to) throw new Error("There is no stream.");
      const texts = names.map((name) => `of ${name}`);
      await seed.events(from, 1, `array['${texts.join("','")}']`);
      const file = await graph.fetch(
        `/data/streams?ids=${from.uuid}&format=${format}`,
        {
          headers: {
            authorization: `Bearer ${await graph.issuer.tokenFor(writer)}`,
          },
        },
      );
      const body = Buffer.from(
        Buffer.from(await file.arrayBuffer())
          .toString("latin1")
          .replaceAll(from.uuid, to.uuid),
        "latin1",
      );
      const type = { csv: "text/csv", jsonl: jsonLines }[format] ?? arrowType;
      expect(await upload(body, type)).toMatchObject({ status: 200 });
      const { rows } = await world.database.owner.raw(
        "select texts from stream.events where tenant_id = ? and stream_id = ?",
        [to.tenantId, to.id],
      );
      expect(rows).toEqual([{ texts }]);
    },
  );

  let stream: Stream;
  beforeAll(async () => {
    stream = await world.seed.stream(world.tenant);
  });
  const values = (
    column: ReturnType<typeof columnFromArray>,
    time = times(TimeUnit.MILLISECOND, 0, 1),
  ) => arrowOf({ timestamp: time, [stream.uuid]: column });
  const plain = () => values(columnFromArray([1, 2], float64()));

  test.each<[string, () => Buffer, RegExp]>([
    ["an empty file", () => Buffer.alloc(0), /the file is empty/],
    [
      "no Arrow",
      () => Buffer.from("timestamp,value\n"),
      /message 1: this is no message/,
    ],
    [
      "a file that breaks off",
      () => plain().subarray(0, -30),
      /message \d: the file breaks off/,
    ],
    [
      "a text for a number",
      () => values(columnFromArray(["1", "x"], utf8())),
      /record batch 1, row 1: column ".*takes a finite number, not "1"/,
    ],
    [
      "infinity",
      () => values(columnFromArray([1, Infinity], float64())),
      /row 2: .*Infinity/,
    ],
    [
      "half a microsecond",
      () =>
        values(
          columnFromArray([1, 2], float64()),
          columnFromArray([0, 0.0015], timestamp(TimeUnit.NANOSECOND)),
        ),
      /row 2: column "timestamp": 1500 is no timestamp/,
    ],
    [
      "no time",
      () =>
        values(
          columnFromArray([1], float64()),
          columnFromArray([null], timestamp(TimeUnit.SECOND)),
        ),
      /row 1: column "timestamp"/,
    ],
    [
      "a list in a column",
      () => values(columnFromArray([[1], [2]])),
      /column 2 is of a type that is not taken/,
    ],
  ])("refuses %s", async (_, body, message) => {
    const received = await upload(body(), arrowType);
    expect(received).toMatchObject({
      status: 400,
      code: "BAD_USER_INPUT",
      eventCount: 0,
    });
    expect(received.message).toMatch(message);
    expect(await world.eventsOf(stream)).toEqual([]);
  });

  test("refuses a message of more bytes than it takes, before they come", async () => {
    const body = plain();
    const metadata = body.readUInt32LE(4);
    expect(
      await upload(
        Buffer.concat([
          body.subarray(0, 8 + metadata),
          Buffer.from([255, 255, 255, 255, 0, 0, 32, 0]),
        ]),
        arrowType,
      ),
    ).toMatchObject({
      status: 413,
      code: "LIMIT_EXCEEDED",
      at: "message 2",
    });
  });

  test("whatever bytes are wrong, it is a fault of the file or none, and soon told", async () => {
    const body = plain();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), {
          minLength: 1,
          maxLength: 4,
        }),
        async (changes) => {
          const broken = Buffer.from(body);
          for (const [at, byte] of changes) broken[at] = byte;
          const { status } = await upload(broken, arrowType);
          expect([200, 400, 404, 413]).toContain(status);
        },
      ),
      { numRuns: 100 },
    );
  });
});

test("a table is stored by each format, in either layout, as writeEvents stores it", async () => {
  const { seed, tenant, database, writer } = world;
  const properties = [
    { name: "flow", kind: "FLOAT" },
    { name: "count", kind: "INTEGER" },
    { name: "isOpen", kind: "BOOLEAN" },
    { name: "note", kind: "TEXT" },
  ] as const;
  const streams = await Promise.all(
    Array.from({ length: 5 }, () => seed.stream(tenant, { properties })),
  );
  const [model, ...others] = streams as [Stream, ...Stream[]];
  const text = fc.string({
    unit: fc.constantFrom("a", "ü", ",", '"', "\n", " ", "1"),
    maxLength: 5,
  });
  const row = fc.tuple(
    fc.nat(300),
    fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.option(fc.maxSafeInteger()),
    fc.option(fc.boolean()),
    fc.option(text),
  );
  const quoted = (value: unknown) =>
    value === null ? "" : `"${String(value as string).replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(row, {
        selector: ([at]) => at,
        minLength: 1,
        maxLength: 40,
      }),
      fc.constantFrom("INSERT", "UPSERT", "REPLACE"),
      async (rows, mode) => {
        await database.owner.raw("truncate stream.events, stream.latest");
        const columns = properties.map(({ name }, i) => ({
          property: name,
          values: rows.map((row) => row[i + 1]),
        }));
        const timestamps = rows.map(([at]) => second(at));
        // What is replaced is there before, and wholly another.
        if (mode === "REPLACE")
          await database.owner.raw(
            `with added as (
               insert into stream.events (tenant_id, stream_id, ts, value, texts)
               select ?, s, t, -1, array['before'] from unnest(?::int[]) s, unnest(?::timestamptz[]) t
               returning tenant_id, stream_id, ts, value, texts
             ), edges as (
               select tenant_id, stream_id, min(ts) as first_ts, max(ts) as ts from added group by 1, 2
             )
             insert into stream.latest (tenant_id, stream_id, first_ts, ts, value, texts)
             select e.tenant_id, e.stream_id, e.first_ts, e.ts, a.value, a.texts
             from edges e join added a using (tenant_id, stream_id, ts)`,
            [model.tenantId, streams.map(({ id }) => id), timestamps],
          );
        const { errors } = await run(
          streamSubgraph(database),
          writer,
          `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
          {
            input: {
              mode,
              streams: [{ streamId: model.uuid, timestamps, columns }],
            },
          },
        );
        expect(errors).toEqual([]);
        const [csv, lines, plain, coded] = others as [
          Stream,
          Stream,
          Stream,
          Stream,
        ];
        const header = `stream,timestamp,${properties.map(({ name }) => name).join()}\r\n`;
        const [flow, count, isOpen, note] = columns.map(({ values }) => values);
        const arrow = (
          stream: Stream,
          texts: ReturnType<typeof utf8> | ReturnType<typeof dictionary>,
        ) =>
          arrowOf({
            note: columnFromArray(note as string[], texts),
            stream: columnFromArray(
              rows.map(() => stream.uuid),
              dictionary(utf8()),
            ),
            timestamp: columnFromArray(
              rows.map(([at]) => new Date(second(at))),
              timestamp(TimeUnit.MICROSECOND, "UTC"),
            ),
            flow: columnFromArray(flow as number[], float64()),
            count: columnFromArray(
              (count as (number | null)[]).map((n) =>
                n === null ? null : BigInt(n),
              ),
              int64(),
            ),
            isOpen: columnFromArray(isOpen as boolean[], bool()),
          });
        const query = `?mode=${mode}`;
        const sent = [
          await upload(
            header +
              rows
                .map(
                  ([at, ...values]) =>
                    [csv.uuid, second(at), ...values.map(quoted)].join() +
                    "\r\n",
                )
                .join(""),
            "text/csv",
            query,
          ),
          await upload(
            rows
              .map(([at, ...values]) =>
                JSON.stringify({
                  stream: lines.uuid,
                  timestamp: second(at),
                  ...Object.fromEntries(
                    properties.map(({ name }, i) => [name, values[i]]),
                  ),
                }),
              )
              .join("\n"),
            jsonLines,
            query,
          ),
          await upload(arrow(plain, utf8()), arrowType, query),
          await upload(
            arrow(coded, dictionary(utf8(), int32())),
            arrowType,
            query,
          ),
        ];
        for (const received of sent)
          expect(received).toEqual({
            status: 200,
            eventCount: rows.length,
            rowCount: rows.length,
          });
        const expected = await stored(model);
        for (const stream of others)
          expect(await stored(stream)).toEqual(expected);
      },
    ),
    { numRuns: 10, endOnFailure: true },
  );

  async function stored({ id }: Stream) {
    const { rows: events } = await database.owner.raw<{ rows: object[] }>(
      `select e.ts, e.value, e.numbers, e.texts, l.first_ts, l.ts as last
       from stream.events e join stream.latest l using (tenant_id, stream_id) where e.stream_id = ? order by e.ts`,
      [id],
    );
    return events;
  }
});
