import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { tableFromIPC as flechette } from "@uwdata/flechette";
import { DataType, tableFromIPC, type Vector } from "apache-arrow";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { dateTimeOf, microsOf } from "../../common/date-time.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import type { Part } from "../../subgraphs/stream/event/asked.ts";
import type { EventTable } from "../../subgraphs/stream/event/table-store.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";
import { casesOr } from "../support/cases.ts";
import { TestDatabase } from "../support/database.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { states, type Series, type Window } from "./naive.ts";
import { Plant } from "./plant.ts";
import { isNumber, series, window } from "./random.ts";

/**
 * What the graph answers as columns of JSON, and what the same read is as a file in each format: the same to the last
 * bit. Each file is read by a library that has not written it, Arrow by two.
 */
let database: TestDatabase;
let plant: Plant;
let graph: TestGraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
  graph = await startGraph(database, "in one process");
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

type Value = number | boolean | string | null;
/** By the names of the columns, and then by rows. */
type Columns = Record<string, readonly Value[]>;

const downloads = "downloads { csv jsonLines arrow }";
const table = `{ rowCount timestamps columns { name kind values } ${downloads} }`;

interface Table {
  readonly timestamps: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly kind: string;
    readonly values: readonly Value[];
  }[];
  readonly downloads: Readonly<Record<"csv" | "jsonLines" | "arrow", string>>;
}

async function download(address: string): Promise<Buffer> {
  const response = await graph.fetch(address, {
    headers: {
      authorization: `Bearer ${await graph.issuer.tokenFor(plant.partner)}`,
    },
  });
  expect([response.status, address]).toEqual([200, address]);
  return Buffer.from(await response.arrayBuffer());
}

/** Times in the graph's words. */
function byApache(bytes: Buffer): Columns {
  const whole = tableFromIPC(bytes);
  return Object.fromEntries(
    whole.schema.fields.map(({ name, type }) => {
      const vector = whole.getChild(name) as Vector;
      return [
        name,
        Array.from({ length: whole.numRows }, (_, row): Value => {
          if (!vector.isValid(row)) return null;
          if (DataType.isTimestamp(type)) return timeAt(vector, row);
          const value = vector.get(row) as Value | bigint;
          return typeof value === "bigint" ? Number(value) : value;
        }),
      ];
    }),
  );
}

/** To the microsecond: a library's own number of milliseconds rounds them. */
function timeAt(vector: Vector, row: number): string {
  let at = row;
  for (const data of vector.data) {
    if (at < data.length)
      return dateTimeOf(
        Number((data.values as BigInt64Array)[data.offset + at]),
      );
    at -= data.length;
  }
  throw new Error(`There is no row ${row}.`);
}

function byFlechette(bytes: Buffer): Columns {
  const read = flechette(bytes, { useBigInt: true });
  return Object.fromEntries(
    read.schema.fields.map(({ name, type }) => [
      name,
      [...read.getChild(name)].map((value): Value => {
        // Of times it tells milliseconds, in fractions.
        if (value !== null && "timezone" in type)
          return dateTimeOf(Math.round(Number(value) * 1000));
        return typeof value === "bigint" ? Number(value) : (value as Value);
      }),
    ]),
  );
}

const byLines = (bytes: Buffer): Record<string, Value>[] =>
  bytes
    .toString()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, Value>);

/** An empty cell is null, an empty text is quoted. */
const byCsv = (bytes: Buffer): (string | null)[][] =>
  parse(bytes, {
    cast: (text, { quoting }) => (text === "" && !quoting ? null : text),
  });

const inColumns = ({ timestamps, columns }: Table): Columns => ({
  timestamp: timestamps,
  ...Object.fromEntries(columns.map(({ name, values }) => [name, values])),
});

/** One zero: CSV and JSON lines write none that is negative. */
const written = (value: Value): Value => (value === 0 ? 0 : value);

async function assertSameFiles(id: string, field: string): Promise<Table> {
  const { data, errors } = await graph.request(
    plant.partner,
    `query ($id: ID!) { stream(id: $id) { read: ${field} ${table} } }`,
    { id },
  );
  expect(errors).toEqual([]);
  const { read } = data?.["stream"] as unknown as { read: Table };
  const expected = inColumns(read);
  const names = Object.keys(expected);
  const rows = read.timestamps.map((_, row) =>
    names.map((name) => written(expected[name]?.[row] ?? null)),
  );
  const [arrow, lines, csv] = await Promise.all([
    download(read.downloads.arrow),
    download(read.downloads.jsonLines),
    download(read.downloads.csv),
  ]);
  if (rows.length > 0) {
    expect(byApache(arrow)).toEqual(expected);
    expect(byFlechette(arrow)).toEqual(expected);
  }
  expect(byLines(lines)).toEqual(
    rows.map((row) =>
      Object.fromEntries(names.map((name, i) => [name, row[i]])),
    ),
  );
  expect(byCsv(csv)).toEqual([
    names,
    ...rows.map((row) =>
      row.map((value) => (value === null ? null : String(value))),
    ),
  ]);
  return read;
}

const windowText = ({ from, to }: Window) =>
  `window: { from: "${dateTimeOf(from)}", to: "${dateTimeOf(to)}" }`;

const read = fc.oneof(
  fc
    .tuple(window, fc.constantFrom("EXACT", "OUTSIDE", "EXACT_OR_CALCULATED"))
    .map(
      ([window, boundary]) =>
        `events(${windowText(window)}, boundary: ${boundary})`,
    ),
  fc
    .tuple(window, fc.integer({ min: 1, max: 9 }))
    .map(
      ([window, count]) =>
        `interpolated(${windowText(window)}, count: ${count})`,
    ),
  fc
    .tuple(window, fc.integer({ min: 1, max: 5 }))
    .filter(([{ from, to }, count]) => count <= to - from)
    .map(
      ([window, count]) =>
        `summaries(${windowText(window)}, count: ${count}, kinds: [COUNT, FIRST, LAST, PERCENT_GOOD])`,
    ),
);

test("random streams, of all kinds of values", async () => {
  await fc.assert(
    fc.asyncProperty(
      series,
      fc.array(read, { minLength: 3, maxLength: 3 }),
      async (series, reads) => {
        const id = await plant.create(series);
        for (const field of reads) await assertSameFiles(id, field);
      },
    ),
    { numRuns: casesOr(4) },
  );
});

test("computed rows in parts are those of the whole", async () => {
  const contextOf = createContext(database.as("stream"), unrecorded);
  const request = {
    ...{ timestamps: true, endCursor: false, values: false, columns: [null] },
  };
  const textsOf = ({ timestamps, columns }: EventTable) =>
    [timestamps, ...columns.map(({ values }) => values)].map(
      (column) => JSON.parse(column?.text ?? "null") as Value[],
    );
  await fc.assert(
    fc.asyncProperty(
      series,
      window.filter(({ from, to }) => to - from >= 9),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
      async (series, { from, to }, count, take) => {
        const id = await plant.create(series);
        const { events, streams } = contextOf({
          viewer: plant.partner,
          requestId: "test",
        });
        const [stream] = await streams.getAll([id], () => "id");
        if (!stream) throw new Error("The stream is not shared.");
        const args = {
          window: { from: dateTimeOf(from), to: dateTimeOf(to) },
          count,
          ...{ timeZone: "UTC", kinds: null },
        };
        const isNumeric = series.properties.every(isNumber);
        const kinds = isNumeric ? numericKinds : anyKinds;
        for (const read of [
          (part?: Part) => events.interpolated(stream, args, request, part),
          (part?: Part) =>
            events.summaries(stream, { ...args, kinds }, request, part),
        ]) {
          const expected = textsOf(await read());
          let found: Value[][] = expected.map(() => []);
          for (let skip = 0, isWhole = false; !isWhole; skip += take) {
            const table = await read({ skip, take });
            const texts = textsOf(table);
            found = found.map((column, i) => [...column, ...(texts[i] ?? [])]);
            isWhole = !table.hasNextPage;
          }
          expect(found).toEqual(expected);
        }
      },
    ),
    { numRuns: casesOr(5) },
  );
});

const anyKinds = ["COUNT", "FIRST", "LAST", "PERCENT_GOOD"] as const;
const numericKinds = [
  ...anyKinds,
  ...(["MEAN", "TOTAL", "TIME_WEIGHTED_MEAN", "STANDARD_DEVIATION"] as const),
];

const begin = microsOf("2026-01-01T00:00:00Z");
const all = `${windowText({ from: begin, to: begin + 86_400_000_000 * 300 })}`;

const seriesOf = (
  properties: Series["properties"],
  events: readonly (readonly Value[])[],
): Series => ({
  properties,
  extrapolation: "NONE",
  events: events.map((values, i) => ({ at: begin + i * 1_000_001, values })),
});

const property = (name: string, kind: Series["properties"][number]["kind"]) =>
  ({ name, kind, interpolation: "CONTINUOUS" }) as const;

test("numbers at the ends of what there is, each as it was written", async () => {
  const floats = [
    ...[0, 5e-324, -5e-324, 2.2250738585072014e-308],
    ...[Number.MAX_VALUE, -Number.MAX_VALUE, 0.1, 1 / 3, null],
  ];
  const integers = [2 ** 53 - 1, 1 - 2 ** 53, 2 ** 32, -(2 ** 32), -1];
  const series = seriesOf(
    [property("a", "FLOAT"), property("b", "INTEGER")],
    floats.map((float, i) => [float, integers[i] ?? null]),
  );
  const read = await assertSameFiles(
    await plant.create(series),
    `events(${all})`,
  );
  expect(read.columns.map(({ values }) => values)).toEqual([
    floats,
    floats.map((_, i) => integers[i] ?? null),
  ]);
});

test("texts that look like something else", async () => {
  const texts = [
    ...["", " ", '"', '""', ",", "\r\n", "\n", "null", "NaN", "\\x00"],
    ...["ERROR,FORBIDDEN", '{"error":1}', "🦊", "\u0001", "a\ufeff", "e\u0301"],
    ...["\u2028", "x".repeat(8_192), "🦊".repeat(2_048), null],
  ];
  const series = seriesOf(
    [property("note", "TEXT"), property("state", "ENUM")],
    texts.map((text, i) => [text, states[i % (states.length + 1)] ?? null]),
  );
  await assertSameFiles(await plant.create(series), `events(${all})`);
});

test("one with forty properties, some of them never given a value", async () => {
  const kinds = ["FLOAT", "TEXT", "BOOLEAN", "INTEGER", "TIMESTAMP"] as const;
  const valueOf = { FLOAT: 1.5, TEXT: "t", BOOLEAN: true, INTEGER: 7 };
  const properties = Array.from({ length: 40 }, (_, i) =>
    property(`p${i}`, kinds[i % kinds.length] ?? "FLOAT"),
  );
  const series = seriesOf(
    properties,
    Array.from({ length: 30 }, (_, row) =>
      properties.map(({ kind }, i) => {
        if (i % 7 === 3 || (row + i) % 5 === 0) return null;
        return kind === "TIMESTAMP" || kind === "ENUM"
          ? begin + row
          : valueOf[kind];
      }),
    ),
  );
  await assertSameFiles(await plant.create(series), `events(${all})`);
});
