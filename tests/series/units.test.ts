import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { microsOf } from "../../common/date-time.ts";
import { TestDatabase } from "../support/database.ts";
import { Plant } from "./plant.ts";

let database: TestDatabase;
let plant: Plant;
let id: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
  const at = (n: number) => microsOf("2026-01-01T00:00:00Z") + n * 600_000_000;
  const numbers = { kind: "FLOAT", interpolation: "CONTINUOUS" } as const;
  id = await plant.create({
    properties: [
      { name: "temperature", uom: "degC", ...numbers },
      { name: "setpoint", uom: "K", ...numbers },
      { name: "count", kind: "INTEGER", interpolation: "CONTINUOUS" },
      { name: "flow", uom: "m3/h", ...numbers },
      { name: "gas", uom: "kscmh", ...numbers },
      { name: "note", kind: "TEXT", interpolation: "STEPWISE_PREVIOUS" },
      {
        ...{ name: "pressure", uom: "kPa" },
        ...{ kind: "INTEGER", interpolation: "CONTINUOUS" },
      },
    ],
    extrapolation: "BOTH",
    events: [
      { at: at(0), values: [0, 273.15, 1, 3.6, 1, "a", 100] },
      { at: at(1), values: [100, 300, 2, 7.2, 2, "b", 150] },
      { at: at(2), values: [50, null, 3, null, 3, null, null] },
    ],
  });
});
afterAll(() => database.drop());

const window = `window: { from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:20:00Z" }`;

const ask = (field: string, properties: readonly string[]) =>
  plant.run(
    plant.partner,
    `query ($id: ID!, $properties: [String!]) { stream(id: $id) { read: ${field} { columns(properties: $properties) { uom kind values } } } }`,
    { id, properties },
  );

async function columns(field: string, ...properties: string[]) {
  const { data, errors } = await ask(field, properties);
  expect(errors).toEqual([]);
  const { stream } = data as unknown as {
    stream: {
      read: { columns: { uom: string; kind: string; values: unknown[] }[] };
    };
  };
  return stream.read.columns;
}

const close = (...values: (number | null)[]) =>
  values.map((value) =>
    value === null ? null : (expect.closeTo(value, 9) as unknown),
  );

test.each<[string, string, (number | null)[]]>([
  ["temperature", "degF", [32, 212, 122]],
  ["temperature", "K", [273.15, 373.15, 323.15]],
  ["temperature", "°C", [0, 100, 50]],
  ["setpoint", "degC", [0, 26.85, null]],
  ["flow", "l/s", [1, 2, null]],
  ["flow", "m3/h", [3.6, 7.2, null]],
  ["pressure", "bar", [1, 1.5, null]],
])("%s is read in %s", async (property, uom, expected) => {
  const read = await columns(`events(${window}, uom: "${uom}")`, property);
  expect(read).toEqual([{ uom, kind: "FLOAT", values: close(...expected) }]);
});

describe("every read converts what it shows:", () => {
  test.each<[string, number[]]>([
    [`events(${window}, reversed: true, uom: "degF")`, [122, 212, 32]],
    [`events(${window}, filter: "temperature > 60", uom: "degF")`, [212]],
    [
      `interpolated(${window}, count: 5, uom: "degF")`,
      [32, 122, 212, 167, 122],
    ],
    [`plot(${window}, width: 1, uom: "degF")`, [32, 212, 122]],
    [`lttb(${window}, points: 3, uom: "degF")`, [32, 212, 122]],
  ])("%s", async (field, expected) => {
    const [read] = await columns(field, "temperature");
    expect(read?.values).toEqual(close(...expected));
  });

  test.each<[string, number, string | null]>([
    ["COUNT", 3, null],
    ["MINIMUM", 32, "degF"],
    ["MAXIMUM", 212, "degF"],
    ["RANGE", 180, "degF"],
    ["MEAN", 122, "degF"],
    ["POPULATION_STANDARD_DEVIATION", 1.8 * Math.sqrt(5000 / 3), "degF"],
    ["STANDARD_DEVIATION", 90, "degF"],
    ["TOTAL", 366, "degF"],
    ["TIME_WEIGHTED_MEAN", 1.8 * 62.5 + 32, "degF"],
    ["FIRST", 32, "degF"],
    ["LAST", 122, "degF"],
    ["PERCENT_GOOD", 100, null],
  ])("%s", async (kind, expected, uom) => {
    const field = `summaries(${window}, count: 1, kinds: [${kind}], uom: "degF")`;
    const [read] = await columns(field, "temperature");
    expect(read).toMatchObject({ uom, values: close(expected) });
  });

  test("many streams, and joins of them", async () => {
    const data = await plant.ask(
      plant.partner,
      `query ($ids: [ID!]!) {
        streamEvents(ids: $ids, ${window}, uom: "degF") { columns(properties: ["temperature"]) { uom values } }
        streamSummaries(ids: $ids, ${window}, count: 1, kinds: [MAXIMUM], uom: "degF") { columns(properties: ["temperature"]) { uom values } }
        streamJoin(ids: $ids, ${window}, mode: OUTER_INTERPOLATED, uom: "degF") { columns(properties: ["temperature"]) { uom values } }
      }`,
      { ids: [id] },
    );
    const all = { columns: [{ uom: "degF", values: close(32, 212, 122) }] };
    expect(data).toEqual({
      streamEvents: [all],
      streamSummaries: [{ columns: [{ uom: "degF", values: close(212) }] }],
      streamJoin: all,
    });
  });

  test("single events", async () => {
    const one = await plant.create({
      properties: [
        {
          name: "level",
          uom: "m",
          kind: "INTEGER",
          interpolation: "CONTINUOUS",
        },
        { name: "note", kind: "TEXT", interpolation: "CONTINUOUS" },
      ],
      extrapolation: "BOTH",
      events: [{ at: microsOf("2026-01-01T00:00:00Z"), values: [3, "a"] }],
    });
    const event = { value: 300, values: { level: 300, note: "a" } };
    expect(
      await plant.ask(
        plant.partner,
        `query ($id: ID!) { stream(id: $id) {
          first(uom: "cm") { value values } last(uom: "cm") { value values }
          at(timestamp: "2026-01-01T00:00:00Z", uom: "cm") { value values }
          none: at(timestamp: "2025-01-01T00:00:00Z", uom: "cm") { value values }
        } }`,
        { id: one },
      ),
    ).toEqual({
      stream: { first: event, last: event, at: event, none: null },
    });
  });
});

test("what has no unit stays as it is beside what has one", async () => {
  const read = await columns(
    `events(${window}, uom: "K")`,
    ...["temperature", "count", "note"],
  );
  expect(read).toEqual([
    { uom: "K", kind: "FLOAT", values: close(273.15, 373.15, 323.15) },
    { uom: null, kind: "INTEGER", values: [1, 2, 3] },
    { uom: null, kind: "TEXT", values: ["a", "b", null] },
  ]);
});

test.each([
  [
    "of another quantity",
    ["temperature"],
    "bar",
    /"temperature" is measured in "degC", which cannot be converted to "bar"/,
  ],
  [
    "of one of several properties",
    ["temperature", "flow"],
    "K",
    /"flow" is measured in "m3\/h", which cannot/,
  ],
  [
    "that is unknown",
    ["flow"],
    "parsec/fortnight²",
    /The unit "parsec\/fortnight²" is not known/,
  ],
  ["that is a number", ["flow"], "12", /The unit "12" is not known/],
  ["that is nothing", ["flow"], "", /The unit "" is not known/],
  [
    "for a unit that is unknown",
    ["gas"],
    "m3/h",
    /"gas" is measured in "kscmh", which is not known/,
  ],
  [
    "for what has none",
    ["count", "note"],
    "m",
    /None of "count", "note" is a number with a unit/,
  ],
])("a unit %s is refused by name", async (_, properties, uom, message) => {
  for (const field of [
    `events(${window}, uom: ${JSON.stringify(uom)})`,
    `summaries(${window}, count: 1, kinds: [COUNT], uom: ${JSON.stringify(uom)})`,
  ]) {
    const { data, errors } = await ask(field, properties);
    expect(data).toEqual({ stream: { read: null } });
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(message),
        extensions: { code: "BAD_USER_INPUT", at: "uom" },
      }),
    ]);
  }
});
