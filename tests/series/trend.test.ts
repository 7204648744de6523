import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dateTimeOf } from "../../common/date-time.ts";
import type {
  Interpolation,
  ValueKind,
} from "../../subgraphs/stream/generated.ts";
import { casesOr } from "../support/cases.ts";
import { TestDatabase } from "../support/database.ts";
import * as naive from "./naive.ts";
import { Plant, written } from "./plant.ts";
import { difference, series, start, window } from "./random.ts";

let database: TestDatabase;
let plant: Plant;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
});
afterAll(() => database.drop());

const minute = 60_000_000;
const hour = { from: start, to: start + 60 * minute };
const never = "00000000-0000-4000-8000-000000000000";

const one = (
  values: readonly naive.Value[],
  {
    kind = "FLOAT",
    interpolation = "CONTINUOUS",
    uom,
  }: { kind?: ValueKind; interpolation?: Interpolation; uom?: string } = {},
): naive.Series => ({
  properties: [{ name: "value", kind, interpolation, ...(uom && { uom }) }],
  extrapolation: "BOTH",
  events: values.map((value, i) => ({
    at: start + i * minute,
    values: [value],
  })),
});

const beside = "lastAt lastValue count minimum maximum mean";
const query = `query ($input: TrendInput!) { trend(input: $input) {
  stream { id } community { id } property kind uom rowCount timestamps values ${beside} } }`;

type Line = Record<string, unknown>;

const inputOf = (
  streamIds: readonly string[],
  { from, to }: naive.Window = hour,
  more: object = {},
) => ({
  streamIds,
  window: { from: dateTimeOf(from), to: dateTimeOf(to) },
  width: 2,
  ...more,
});

/** Asked by the owner, and by the partner; answers what both are told. */
async function ask(...input: Parameters<typeof inputOf>) {
  const [own, shared] = await Promise.all(
    [plant.owner, plant.partner].map((viewer) =>
      plant.run(viewer, query, { input: inputOf(...input) }),
    ),
  );
  const lines = (shared?.data?.["trend"] ?? null) as unknown as
    (Line | null)[] | null;
  const ofNoCommunity = lines?.map(
    (line) => line && { ...line, community: null },
  );
  expect(own?.data).toEqual({ trend: ofNoCommunity ?? null });
  expect(own?.errors).toEqual(shared?.errors);
  return { lines, errors: shared?.errors ?? [] };
}

describe("a trend", () => {
  test("has of each stream what draws it, and what is written beside it", async () => {
    const pressure = await plant.create(
      one([3, 9, 1, 2, null], { uom: "bar" }),
    );
    const { lines, errors } = await ask([pressure]);
    expect(errors).toEqual([]);
    expect(lines).toEqual([
      {
        stream: { id: pressure },
        community: { id: plant.communityId },
        ...{ property: "value", kind: "FLOAT", uom: "bar" },
        rowCount: 4,
        timestamps: [0, 1, 2, 3].map((i) => dateTimeOf(start + i * minute)),
        values: [3, 9, 1, 2],
        ...{ lastAt: dateTimeOf(start + 4 * minute), lastValue: null },
        ...{ count: 4, minimum: 1, maximum: 9, mean: 3.75 },
      },
    ]);
  });

  test("serves the rest where one cannot be read, as where there never was one", async () => {
    const id = await plant.create(one([1]));
    const foreign = await plant.create(one([2]), { isShared: false });
    const { data, errors } = await plant.run(plant.partner, query, {
      input: inputOf([never, id, foreign, "no id"]),
    });
    expect(data).toMatchObject({
      trend: [null, { stream: { id }, values: [1] }, null, null],
    });
    expect(errors).toEqual(
      [0, 2, 3].map((i) => ({
        message: "Not found, or not visible to you. Check the id.",
        path: ["trend", i],
        locations: expect.anything(),
        extensions: { code: "NOT_FOUND", at: `input.streamIds.${i}` },
      })),
    );
  });

  test.each<[ValueKind, Interpolation, naive.Value[], object]>([
    [
      "FLOAT",
      "DISCRETE",
      [3, 1],
      { count: 2, minimum: 1, maximum: 3, mean: 2, lastValue: 1 },
    ],
    [
      "INTEGER",
      "CONTINUOUS",
      [3, 2],
      { count: 2, minimum: 2, maximum: 3, mean: 2.5, lastValue: 2 },
    ],
    [
      "BOOLEAN",
      "STEPWISE_PREVIOUS",
      [true, false],
      { count: 2, minimum: null, mean: null, lastValue: false },
    ],
    [
      "TEXT",
      "STEPWISE_NEXT",
      ["b", "a"],
      { count: 2, maximum: null, lastValue: "a" },
    ],
    [
      "ENUM",
      "STEPWISE_PREVIOUS",
      ["starting", "off"],
      { count: 2, minimum: null, lastValue: "off" },
    ],
    [
      "TIMESTAMP",
      "CONTINUOUS",
      [start, start + 1],
      { count: 2, mean: null, lastValue: dateTimeOf(start + 1) },
    ],
  ])("draws a %s that is %s", async (kind, interpolation, values, expected) => {
    const id = await plant.create(one(values, { kind, interpolation }));
    const { lines } = await ask([id]);
    expect(lines).toMatchObject([
      {
        ...expected,
        kind,
        values: values.map((value) => written(kind, value)),
      },
    ]);
  });

  test("of no event has empty lines, and of another time the last event alone", async () => {
    const empty = await plant.create(one([]));
    const earlier = await plant.create(one([7]));
    const nothing = {
      rowCount: 0,
      timestamps: [],
      values: [],
      count: 0,
      minimum: null,
      maximum: null,
      mean: null,
    };
    const { lines } = await ask([empty, earlier], {
      from: hour.to,
      to: hour.to + hour.to - hour.from,
    });
    expect(lines).toMatchObject([
      { ...nothing, lastAt: null, lastValue: null },
      { ...nothing, lastAt: dateTimeOf(start), lastValue: 7 },
    ]);
  });

  test("of one moment has the event at it", async () => {
    const id = await plant.create(one([7]));
    const { lines } = await ask([id], { from: start, to: start }, { width: 1 });
    expect(lines).toMatchObject([{ values: [7], count: 1, mean: 7 }]);
  });

  test("draws a stream in each property that is named for it", async () => {
    const id = await plant.create({
      properties: [
        { name: "flow", kind: "FLOAT", interpolation: "CONTINUOUS" },
        { name: "note", kind: "TEXT", interpolation: "DISCRETE" },
      ],
      extrapolation: "BOTH",
      events: [{ at: start, values: [1, "a"] }],
    });
    const { lines, errors } = await ask([id, id, id], hour, {
      properties: [null, "note", "level"],
    });
    expect(lines).toMatchObject([
      { property: "flow", values: [1], lastValue: 1 },
      { property: "note", values: ["a"], lastValue: "a" },
      null,
    ]);
    expect(errors).toMatchObject([
      {
        message: 'The stream has no property "level". It has "flow", "note".',
        path: ["trend", 2],
        extensions: { code: "BAD_USER_INPUT", at: "input.properties.2" },
      },
    ]);
  });
});

describe("the unit of a trend", () => {
  let ids: string[];
  beforeAll(async () => {
    ids = [
      await plant.create(one([1, 2], { uom: "bar" })),
      await plant.create(one([300], { uom: "kPa" })),
      await plant.create(one([20], { uom: "degC" })),
    ];
  });

  test("is one for all, refused by name where it does not fit", async () => {
    const { lines, errors } = await ask(ids, hour, { uom: "kPa" });
    expect(lines).toMatchObject([
      {
        uom: "kPa",
        values: [100, 200],
        minimum: 100,
        maximum: 200,
        mean: 150,
        lastValue: 200,
      },
      { uom: "kPa", values: [300] },
      null,
    ]);
    expect(errors).toMatchObject([
      {
        message:
          'Property "value" is measured in "degC", which cannot be converted to "kPa".',
        path: ["trend", 2],
        extensions: { code: "BAD_USER_INPUT", at: "input.uom" },
      },
    ]);
  });

  test("is one for each, and null its own", async () => {
    const { lines, errors } = await ask(ids, hour, {
      uoms: [null, "bar", "furlongish"],
    });
    expect(lines).toMatchObject([
      { uom: "bar", values: [1, 2] },
      { uom: "bar", values: [3], mean: 3, lastValue: 3 },
      null,
    ]);
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining('The unit "furlongish" is not known'),
        extensions: { at: "input.uoms.2" },
      },
    ]);
  });
});

test.each<[string, object, string, string]>([
  ["too few units", { uoms: ["bar"] }, "input.uoms", "1 uoms for 2 streams"],
  [
    "too many properties",
    { properties: [null, null, null] },
    "input.properties",
    "3 properties for 2 streams",
  ],
  [
    "both kinds of units",
    { uom: "bar", uoms: [null, null] },
    "input.uoms",
    "one for each",
  ],
  ["no width", { width: 0 }, "input.width", "one row at least"],
  [
    "columns of less than a microsecond",
    {
      width: 20,
      window: {
        from: "2026-01-01T00:00:00Z",
        to: "2026-01-01T00:00:00.000010Z",
      },
    },
    "input.width",
    "shorter than a microsecond",
  ],
  [
    "a window that ends first",
    { window: { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" } },
    "input.window",
    "Exchange from and to",
  ],
])("%s are refused, and nothing is read", async (_, more, at, message) => {
  const id = await plant.create(one([1]));
  const { lines, errors } = await ask([id, id], hour, more);
  expect(lines).toBeNull();
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining(message),
      path: ["trend"],
      extensions: { code: "BAD_USER_INPUT", at },
    }),
  ]);
});

test("lines of one shape take as many statements as one of them", async () => {
  const ids = await Promise.all(
    [1, 2, 3].map((value) => plant.create(one([value]))),
  );
  const statementsFor = async (streamIds: string[]) => {
    const statements: string[] = [];
    const listen = ({ sql }: { sql: string }) => statements.push(sql);
    const db = database.as("stream");
    db.on("query", listen);
    await plant.ask(plant.partner, query, { input: inputOf(streamIds) });
    db.off("query", listen);
    return statements;
  };
  const statements = await statementsFor(ids);
  expect(
    statements.filter((sql) => sql.includes("stream.events")),
  ).toHaveLength(1);
  expect(statements).toEqual(await statementsFor(ids.slice(0, 1)));
});

test("random streams are drawn as by plot, summaries and last, and as the naive reading has it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(series, { minLength: 1, maxLength: 4 }),
      window,
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
      async (all, { from, to }, columns, chosen) => {
        const width = Math.max(Math.min(columns, to - from), 1);
        const ids = await Promise.all(all.map((one) => plant.create(one)));
        const drawn = all.map(
          (one, i) => (chosen[i] ?? 0) % one.properties.length,
        );
        const { lines, errors } = await ask(
          ids,
          { from, to },
          {
            width,
            properties: drawn.map((k) => `p${k}`),
          },
        );
        expect(errors).toEqual([]);
        for (const [i, one] of all.entries()) {
          const series = naive.only(one, drawn[i] as number);
          const line = lines?.[i] as Line;
          expect(
            difference(line, expectedOf(series, { from, to }, width, line)),
          ).toBeNull();
          expect(
            difference(line, {
              ...line,
              ...(await askedApart(
                ids[i] as string,
                series,
                { from, to },
                width,
              )),
            }),
          ).toBeNull();
        }
      },
    ),
    { numRuns: Math.ceil(casesOr(150) / 10), endOnFailure: true },
  );
}, 3_600_000);

function expectedOf(
  series: naive.Series,
  window: naive.Window,
  width: number,
  { stream, community }: Line,
): Line {
  const [{ name, kind, uom = null }] = series.properties as [naive.Property];
  const last = naive.last(series);
  const events = naive.plotOf(series, window, width);
  const [summary] = naive.summariesOf(series, naive.evenEdges(window, 1), 0);
  return {
    ...{ stream, community, property: name, kind, uom },
    rowCount: events.length,
    timestamps: events.map(({ at }) => dateTimeOf(at)),
    values: events.map(({ values: [value = null] }) => written(kind, value)),
    lastAt: last && dateTimeOf(last.at),
    lastValue: last && written(kind, last.values[0] ?? null),
    count: summary?.COUNT,
    minimum: summary?.MINIMUM ?? null,
    maximum: summary?.MAXIMUM ?? null,
    mean: summary?.MEAN ?? null,
  };
}

async function askedApart(
  id: string,
  { properties: [property] }: naive.Series,
  { from, to }: naive.Window,
  width: number,
): Promise<Line> {
  const { name, kind } = property as naive.Property;
  const isNumber = kind === "FLOAT" || kind === "INTEGER";
  const within = `window: { from: "${dateTimeOf(from)}", to: "${dateTimeOf(to)}" }`;
  const columns = `columns(properties: ["${name}"]) { summary values }`;
  const { stream } = await plant.ask(
    plant.partner,
    `query ($id: ID!) { stream(id: $id) {
       plot(${within}, width: ${width}) { rowCount timestamps ${columns} }
       summaries(${within}, count: 1${isNumber ? "" : ", kinds: [COUNT]"}) { ${columns} }
       last { timestamp values }
     } }`,
    { id },
  );
  const { plot, summaries, last } = stream as {
    plot: {
      rowCount: number;
      timestamps: string[];
      columns: [{ values: unknown[] }];
    };
    summaries: { columns: { summary: string; values: [unknown] }[] };
    last: { timestamp: string; values: Record<string, unknown> } | null;
  };
  return {
    ...{
      rowCount: plot.rowCount,
      timestamps: plot.timestamps,
      values: plot.columns[0].values,
    },
    ...{
      lastAt: last?.timestamp ?? null,
      lastValue: last?.values[name] ?? null,
    },
    ...Object.fromEntries(
      summaries.columns.map(({ summary, values: [value] }) => [
        summary.toLowerCase(),
        value,
      ]),
    ),
  };
}
