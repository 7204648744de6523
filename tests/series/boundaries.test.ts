import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { microsOf } from "../../common/date-time.ts";
import type {
  Extrapolation,
  Interpolation,
  ValueKind,
} from "../../subgraphs/stream/generated.ts";
import { TestDatabase } from "../support/database.ts";
import { outcome } from "../support/run.ts";
import type { Value } from "./naive.ts";
import { Plant } from "./plant.ts";

/** What is easily got wrong, one by one; times are of 2026-01-01 unless they say otherwise. */
let database: TestDatabase;
let plant: Plant;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
});
afterAll(() => database.drop());

const whole = (time: string) =>
  /^\d{4}-/.test(time) ? time : `2026-01-01T${time}+00:00`;

const stream = (
  events: Record<string, Value>,
  {
    kind = "FLOAT",
    interpolation = "CONTINUOUS",
    extrapolation = "BOTH",
  }: {
    kind?: ValueKind;
    interpolation?: Interpolation;
    extrapolation?: Extrapolation;
  } = {},
): Promise<string> =>
  plant.create({
    properties: [{ name: "value", kind, interpolation }],
    extrapolation,
    events: Object.entries(events).map(([time, value]) => ({
      at: microsOf(whole(time)),
      values: [value],
    })),
  });

interface Table {
  readonly timestamps: readonly string[];
  readonly values: readonly Value[];
  readonly columns: readonly { summary: string; values: readonly Value[] }[];
}

const window = (from: string, to: string) =>
  `window: { from: "${whole(from)}", to: "${whole(to)}" }`;

async function read(id: string, field: string): Promise<Table> {
  const { stream } = await plant.ask(
    plant.partner,
    `query ($id: ID!) { stream(id: $id) { read: ${field} { timestamps values columns { summary values } } } }`,
    { id },
  );
  return (stream as { read: Table }).read;
}

/** Rows as time and value. */
async function rows(id: string, field: string) {
  const { timestamps, values } = await read(id, field);
  return timestamps.map((time, i) => [
    time.replace(/^2026-01-01T(.*)\+00:00$/, "$1"),
    values[i],
  ]);
}

async function summary(id: string, kind: string, args: string) {
  return (await read(id, `summaries(${args}, kinds: [${kind}])`)).values;
}

async function refusal(id: string, field: string) {
  const answer = await plant.run(
    plant.owner,
    `query ($id: ID!) { stream(id: $id) { ${field} { rowCount } } }`,
    { id },
  );
  return {
    code: outcome(answer),
    at: answer.errors[0]?.extensions.at,
    message: answer.errors[0]?.message ?? "",
  };
}

describe("the ends of a window", () => {
  let id: string;
  beforeAll(async () => {
    id = await stream({
      "00:00:00": 0,
      "00:10:00": 10,
      "00:20:00": 20,
      "00:30:00": 30,
    });
  });

  test.each([
    [
      "EXACT",
      "00:10:00",
      "00:20:00",
      [
        ["00:10:00", 10],
        ["00:20:00", 20],
      ],
    ],
    ["EXACT", "00:10:00.000001", "00:19:59.999999", []],
    ["INSIDE", "00:10:00", "00:20:00", []],
    [
      "INSIDE",
      "00:09:59.999999",
      "00:20:00.000001",
      [
        ["00:10:00", 10],
        ["00:20:00", 20],
      ],
    ],
    [
      "OUTSIDE",
      "00:10:00",
      "00:20:00",
      [
        ["00:00:00", 0],
        ["00:10:00", 10],
        ["00:20:00", 20],
        ["00:30:00", 30],
      ],
    ],
    [
      "OUTSIDE",
      "00:12:00",
      "00:13:00",
      [
        ["00:10:00", 10],
        ["00:20:00", 20],
      ],
    ],
    ["OUTSIDE", "00:31:00", "00:40:00", [["00:30:00", 30]]],
    [
      "EXACT_OR_CALCULATED",
      "00:10:00",
      "00:20:00",
      [
        ["00:10:00", 10],
        ["00:20:00", 20],
      ],
    ],
    [
      "EXACT_OR_CALCULATED",
      "00:05:00",
      "00:15:00",
      [
        ["00:05:00", 5],
        ["00:10:00", 10],
        ["00:15:00", 15],
      ],
    ],
    [
      "EXACT_OR_CALCULATED",
      "00:25:00",
      "00:45:00",
      [
        ["00:25:00", 25],
        ["00:30:00", 30],
        ["00:45:00", 30],
      ],
    ],
    ["EXACT_OR_CALCULATED", "00:15:00", "00:15:00", [["00:15:00", 15]]],
  ])("%s from %s to %s", async (boundary, from, to, expected) => {
    expect(
      await rows(id, `events(${window(from, to)}, boundary: ${boundary})`),
    ).toEqual(expected);
  });

  test("a cursor goes through calculated ends too", async () => {
    const args = `${window("00:05:00", "00:15:00")}, boundary: EXACT_OR_CALCULATED, first: 1`;
    const found: unknown[] = [];
    for (let after: string | null = null, more = true; more;) {
      const { stream } = await plant.ask(
        plant.partner,
        `query ($id: ID!, $after: String) { stream(id: $id) { events(${args}, after: $after) { values endCursor hasNextPage } } }`,
        { id, after },
      );
      const { events } = stream as {
        events: { values: unknown[]; endCursor: string; hasNextPage: boolean };
      };
      found.push(...events.values);
      ({ endCursor: after, hasNextPage: more } = events);
    }
    expect(found).toEqual([5, 10, 15]);
  });
});

describe("between events", () => {
  const at = (...times: string[]) =>
    `interpolated(timestamps: ${JSON.stringify(times.map(whole))})`;

  test.each<[string, ValueKind, Interpolation, Value, Value, Value]>([
    ["a FLOAT on the line", "FLOAT", "CONTINUOUS", 0, 1, 0.5],
    ["an INTEGER and a half, away from zero", "INTEGER", "CONTINUOUS", 2, 3, 3],
    ["a negative one too", "INTEGER", "CONTINUOUS", -3, -2, -3],
    [
      "the greatest INTEGER exactly",
      "INTEGER",
      "CONTINUOUS",
      2 ** 53 - 1,
      2 ** 53 - 1,
      2 ** 53 - 1,
    ],
    [
      "a BOOLEAN by its earlier neighbour",
      "BOOLEAN",
      "CONTINUOUS",
      true,
      false,
      true,
    ],
    ["a TEXT likewise", "TEXT", "CONTINUOUS", "a", "b", "a"],
    ["an ENUM likewise", "ENUM", "CONTINUOUS", "starting", "off", "starting"],
    ["a step that holds", "FLOAT", "STEPWISE_PREVIOUS", 1, 2, 1],
    ["a step that comes early", "FLOAT", "STEPWISE_NEXT", 1, 2, 2],
    ["nothing beside a null", "FLOAT", "CONTINUOUS", 1, null, null],
    ["nothing from a null", "FLOAT", "STEPWISE_PREVIOUS", null, 2, null],
  ])("%s", async (_, kind, interpolation, before, after, expected) => {
    const id = await stream(
      { "00:00:00": before, "00:00:01": after },
      { kind, interpolation },
    );
    expect(await rows(id, at("00:00:00.5"))).toEqual([
      ["00:00:00.5", expected],
    ]);
  });

  test("a TIMESTAMP to the microsecond", async () => {
    const [before, after] = ["00:00:00", "00:00:00.000003"].map((time) =>
      microsOf(whole(time)),
    ) as [number, number];
    const id = await stream(
      { "00:00:00": before, "00:00:02": after },
      { kind: "TIMESTAMP" },
    );
    expect(await rows(id, at("00:00:01"))).toEqual([
      ["00:00:01", whole("00:00:00.000002")],
    ]);
  });

  test("nothing of a DISCRETE stream but what is stored", async () => {
    const id = await stream(
      { "00:00:00": 0, "00:00:02": 2 },
      { interpolation: "DISCRETE" },
    );
    expect(await rows(id, at("00:00:00", "00:00:01", "00:00:02"))).toEqual([
      ["00:00:00", 0],
      ["00:00:02", 2],
    ]);
  });

  test.each<[Extrapolation, unknown[]]>([
    ["NONE", [["00:00:01", 1]]],
    [
      "FORWARD",
      [
        ["00:00:01", 1],
        ["00:00:02", 1],
      ],
    ],
    [
      "BACKWARD",
      [
        ["00:00:00", 1],
        ["00:00:01", 1],
      ],
    ],
    [
      "BOTH",
      [
        ["00:00:00", 1],
        ["00:00:01", 1],
        ["00:00:02", 1],
      ],
    ],
  ])("of one event, extrapolated %s", async (extrapolation, expected) => {
    const id = await stream({ "00:00:01": 1 }, { extrapolation });
    expect(await rows(id, at("00:00:00", "00:00:01", "00:00:02"))).toEqual(
      expected,
    );
  });

  test("of no event: nothing", async () => {
    const id = await stream({});
    expect(await rows(id, at("00:00:00"))).toEqual([]);
    expect(
      await rows(
        id,
        `events(${window("00:00:00", "01:00:00")}, boundary: EXACT_OR_CALCULATED)`,
      ),
    ).toEqual([]);
    expect(
      await rows(id, `plot(${window("00:00:00", "01:00:00")}, width: 10)`),
    ).toEqual([]);
    expect(
      await rows(id, `lttb(${window("00:00:00", "01:00:00")}, points: 10)`),
    ).toEqual([]);
    expect(
      await summary(id, "COUNT", `${window("00:00:00", "01:00:00")}, count: 2`),
    ).toEqual([0, 0]);
  });

  test.each([
    ["a month and no more", "2025-12-01T00:00:00+00:00"],
    ["a microsecond more than that", "2025-11-30T23:59:59.999999+00:00"],
    ["years", "2007-05-05T05:05:05+00:00"],
  ])("neighbours that are far: %s", async (_, before) => {
    const id = await stream(
      { [before]: 1, "2031-01-01T00:00:00+00:00": 1 },
      { extrapolation: "NONE" },
    );
    const now = `timestamp: "${whole("00:00:00")}"`;
    const { stream: found } = await plant.ask(
      plant.partner,
      `query ($id: ID!) { stream(id: $id) {
         at(${now}, mode: PREVIOUS) { timestamp }
         next: at(${now}, mode: EXACT_OR_NEXT) { timestamp }
         events(${window("00:00:00", "00:00:01")}, boundary: OUTSIDE) { timestamps }
         interpolated(timestamps: ["${whole("00:00:00")}"]) { values }
         summaries(${window("00:00:00", "00:00:01")}, count: 1, kinds: [PERCENT_GOOD]) { values }
       } }`,
      { id },
    );
    expect(found).toEqual({
      at: { timestamp: before },
      next: { timestamp: "2031-01-01T00:00:00+00:00" },
      events: { timestamps: [before, "2031-01-01T00:00:00+00:00"] },
      interpolated: { values: [1] },
      summaries: { values: [100] },
    });
  });

  test("from 1970 to 2200", async () => {
    const id = await stream({
      "1970-01-01T00:00:00+00:00": 0,
      "2200-12-31T23:59:59.999999+00:00": 231,
    });
    const [[time, value] = []] = (
      await rows(
        id,
        `interpolated(window: { from: "1970-01-01T00:00:00+00:00", to: "2200-12-31T23:59:59.999999+00:00" }, count: 3)`,
      )
    ).slice(1);
    expect(time).toBe("2085-07-01T11:59:59.999999+00:00");
    expect(value).toBeCloseTo(115.5, 9);
  });

  test("every interval, the last one that fits", async () => {
    const id = await stream({ "00:00:00": 0, "00:10:00": 10 });
    expect(
      await rows(
        id,
        `interpolated(${window("00:00:00", "00:09:59.999999")}, interval: "PT5M")`,
      ),
    ).toEqual([
      ["00:00:00", 0],
      ["00:05:00", 5],
    ]);
    expect(
      await rows(
        id,
        `interpolated(${window("00:00:00", "00:10:00")}, interval: "PT5M")`,
      ),
    ).toEqual([
      ["00:00:00", 0],
      ["00:05:00", 5],
      ["00:10:00", 10],
    ]);
  });
});

describe("summaries", () => {
  test("count an event between two intervals in the later one, and the last end in the last one", async () => {
    const id = await stream({ "00:00:00": 1, "00:10:00": 2, "00:20:00": 3 });
    const args = `${window("00:00:00", "00:20:00")}, interval: "PT10M"`;
    expect(await summary(id, "COUNT", args)).toEqual([1, 2]);
    expect(await summary(id, "TOTAL", args)).toEqual([1, 5]);
    expect(await summary(id, "FIRST", args)).toEqual([1, 2]);
    expect(await summary(id, "LAST", args)).toEqual([1, 3]);
  });

  test("cut the last interval at the window's end", async () => {
    const id = await stream({ "00:00:00": 1, "00:24:00": 2, "00:26:00": 4 });
    const args = `${window("00:00:00", "00:25:00")}, interval: "PT10M"`;
    expect(await summary(id, "COUNT", args)).toEqual([1, 0, 1]);
  });

  test("of one value have no sample deviation, and one of zero of the population", async () => {
    const id = await stream({ "00:00:00": 1 });
    const args = `${window("00:00:00", "00:25:00")}, count: 1`;
    expect(await summary(id, "STANDARD_DEVIATION", args)).toEqual([null]);
    expect(await summary(id, "POPULATION_STANDARD_DEVIATION", args)).toEqual([
      0,
    ]);
  });

  test("leave out nulls, and say for how much of the time there was a value", async () => {
    const id = await stream({ "00:00:00": 1, "00:05:00": null, "00:15:00": 3 });
    const args = `${window("00:00:00", "00:20:00")}, interval: "PT10M"`;
    expect(await summary(id, "COUNT", args)).toEqual([1, 1]);
    expect(await summary(id, "MEAN", args)).toEqual([1, 3]);
    expect(await summary(id, "PERCENT_GOOD", args)).toEqual([50, 50]);
  });

  test("of a moment say whether there was a value, however many follow", async () => {
    const id = await stream({ "00:00:00": 1, "00:05:00": 2, "00:15:00": 3 });
    const args = (time: string) => `${window(time, time)}, count: 1`;
    expect(await summary(id, "PERCENT_GOOD", args("00:05:00"))).toEqual([100]);
    expect(await summary(id, "PERCENT_GOOD", args("00:04:00"))).toEqual([100]);
    expect(await summary(id, "PERCENT_GOOD", args("01:00:00"))).toEqual([100]);
    expect(
      await summary(id, "PERCENT_GOOD", args("2025-12-31T00:00:00Z")),
    ).toEqual([0]);
    expect(await summary(id, "COUNT", args("00:05:00"))).toEqual([1]);
  });

  test.each<[Interpolation, Value[]]>([
    ["CONTINUOUS", [2.5, 7.5]],
    ["STEPWISE_PREVIOUS", [0, 0]],
    ["STEPWISE_NEXT", [10, 10]],
    ["DISCRETE", [null, null]],
  ])(
    "weigh by time, %s, computed at the edges",
    async (interpolation, expected) => {
      const id = await stream(
        { "00:00:00": 0, "00:20:00": 10 },
        { interpolation },
      );
      expect(
        await summary(
          id,
          "TIME_WEIGHTED_MEAN",
          `${window("00:00:00", "00:20:00")}, count: 2`,
        ),
      ).toEqual(expected);
    },
  );

  test("weigh only the time that events cover: nothing is extrapolated", async () => {
    const id = await stream({ "00:10:00": 4, "00:20:00": 4 });
    expect(
      await summary(
        id,
        "TIME_WEIGHTED_MEAN",
        `${window("00:00:00", "00:30:00")}, interval: "PT10M"`,
      ),
    ).toEqual([null, 4, null]);
  });

  test.each([
    [
      "a day when clocks are put forward has 23 hours",
      "Europe/Berlin",
      "P1D",
      "2026-03-27T23:00:00Z",
      "2026-03-30T22:00:00Z",
      [
        "2026-03-27T23:00:00+00:00",
        "2026-03-28T23:00:00+00:00",
        "2026-03-29T22:00:00+00:00",
      ],
    ],
    [
      "a day when they are put back has 25",
      "Europe/Berlin",
      "P1D",
      "2026-10-23T22:00:00Z",
      "2026-10-26T23:00:00Z",
      [
        "2026-10-23T22:00:00+00:00",
        "2026-10-24T22:00:00+00:00",
        "2026-10-25T23:00:00+00:00",
      ],
    ],
    [
      "a day that begins in the first of two hours of one name begins there",
      "Europe/Berlin",
      "P1D",
      "2026-10-25T00:30:00Z",
      "2026-10-27T00:00:00Z",
      ["2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"],
    ],
    [
      "a day that begins in an hour that clocks skip begins after it",
      "Europe/Berlin",
      "P1D",
      "2026-03-28T01:30:00Z",
      "2026-03-30T12:00:00Z",
      [
        "2026-03-28T01:30:00+00:00",
        "2026-03-29T01:30:00+00:00",
        "2026-03-30T00:30:00+00:00",
      ],
    ],
    [
      "February of a leap year",
      "UTC",
      "P1M",
      "2024-01-31T00:00:00Z",
      "2024-04-15T00:00:00Z",
      [
        "2024-01-31T00:00:00+00:00",
        "2024-02-29T00:00:00+00:00",
        "2024-03-31T00:00:00+00:00",
      ],
    ],
    [
      "a month in New York",
      "America/New_York",
      "P1M",
      "2026-01-01T05:00:00Z",
      "2026-05-01T04:00:00Z",
      [
        "2026-01-01T05:00:00+00:00",
        "2026-02-01T05:00:00+00:00",
        "2026-03-01T05:00:00+00:00",
        "2026-04-01T04:00:00+00:00",
      ],
    ],
    [
      "a year",
      "UTC",
      "P1Y",
      "2023-02-28T00:00:00Z",
      "2025-02-28T00:00:00Z",
      ["2023-02-28T00:00:00+00:00", "2024-02-28T00:00:00+00:00"],
    ],
    [
      "three years",
      "Europe/Berlin",
      "P3Y",
      "2019-12-31T23:00:00Z",
      "2024-01-01T00:00:00Z",
      ["2019-12-31T23:00:00+00:00", "2022-12-31T23:00:00+00:00"],
    ],
    [
      "ten years, in a window of a day",
      "UTC",
      "P10Y",
      "2026-01-01T00:00:00Z",
      "2026-01-02T00:00:00Z",
      ["2026-01-01T00:00:00+00:00"],
    ],
    [
      "two thousand days",
      "UTC",
      "P2000D",
      "2020-01-01T00:00:00Z",
      "2026-01-01T00:00:00Z",
      ["2020-01-01T00:00:00+00:00", "2025-06-23T00:00:00+00:00"],
    ],
    [
      "a thousand years, in a moment",
      "UTC",
      "P1000Y",
      "2026-01-01T00:00:00Z",
      "2026-01-01T00:00:00Z",
      ["2026-01-01T00:00:00+00:00"],
    ],
    [
      "Februaries, one after the other",
      "UTC",
      "P28D",
      "2026-02-01T00:00:00Z",
      "2026-03-29T00:00:00.000001Z",
      [
        "2026-02-01T00:00:00+00:00",
        "2026-03-01T00:00:00+00:00",
        "2026-03-29T00:00:00+00:00",
      ],
    ],
    [
      "the day that Samoa skipped is empty",
      "Pacific/Apia",
      "P1D",
      "2011-12-29T10:00:00Z",
      "2011-12-31T10:00:00.000001Z",
      [
        "2011-12-29T10:00:00+00:00",
        "2011-12-30T10:00:00+00:00",
        "2011-12-30T10:00:00+00:00",
        "2011-12-31T10:00:00+00:00",
      ],
    ],
    [
      "a zone by its distance from Greenwich, which is counted westwards",
      "Etc/GMT+5",
      "P1D",
      "2026-01-01T05:00:00Z",
      "2026-01-02T05:00:00.000001Z",
      ["2026-01-01T05:00:00+00:00", "2026-01-02T05:00:00+00:00"],
    ],
  ])("%s", async (_, timeZone, interval, from, to, expected) => {
    const id = await stream({ "2026-03-29T22:30:00Z": 1 });
    const { timestamps } = await read(
      id,
      `summaries(window: { from: "${from}", to: "${to}" }, interval: "${interval}", timeZone: "${timeZone}", kinds: [COUNT])`,
    );
    expect(timestamps).toEqual(expected);
  });

  test("by default count, least, greatest and mean; of what is no number the count", async () => {
    const args = `summaries(${window("00:00:00", "00:20:00")}, count: 1)`;
    const kindsOf = async (kind: ValueKind) =>
      (await read(await stream({}, { kind }), args)).columns.map(
        ({ summary }) => summary,
      );
    expect(await kindsOf("INTEGER")).toEqual([
      "COUNT",
      "MINIMUM",
      "MAXIMUM",
      "MEAN",
    ]);
    expect(await kindsOf("TEXT")).toEqual(["COUNT"]);
  });
});

describe("plot and lttb", () => {
  test("lose no peak of a microsecond", async () => {
    const events = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [
        `00:${String(i % 60).padStart(2, "0")}:${i < 60 ? "00" : "30"}`,
        i === 77 ? 1000 : i === 33 ? -1000 : Math.sin(i),
      ]),
    );
    const id = await plant.create({
      properties: [
        { name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" },
      ],
      extrapolation: "BOTH",
      events: Object.entries(events)
        .map(([time, value]) => ({
          at: microsOf(whole(time)),
          values: [value],
        }))
        .sort((a, b) => a.at - b.at),
    });
    for (const field of [
      `plot(${window("00:00:00", "01:00:00")}, width: 5)`,
      `lttb(${window("00:00:00", "01:00:00")}, points: 20)`,
    ]) {
      const { values } = await read(id, field);
      expect(values).toEqual(expect.arrayContaining([1000, -1000]));
      expect(values.length).toBeLessThanOrEqual(20);
    }
  });

  test("lttb takes the ends alone for two points, and all where they are few", async () => {
    const id = await stream({ "00:00:00": 1, "00:01:00": 9, "00:02:00": 2 });
    const lttb = (points: number) =>
      rows(id, `lttb(${window("00:00:00", "01:00:00")}, points: ${points})`);
    expect(await lttb(2)).toEqual([
      ["00:00:00", 1],
      ["00:02:00", 2],
    ]);
    expect(await lttb(3)).toHaveLength(3);
    expect(await lttb(100)).toHaveLength(3);
  });
});

describe("a read that cannot be done is refused", () => {
  const hour = window("00:00:00", "01:00:00");
  test.each([
    ["no time", `interpolated(${hour})`, "timestamps", "BAD_USER_INPUT"],
    [
      "two ways of naming times",
      `interpolated(${hour}, count: 1, interval: "PT1M")`,
      "timestamps",
      "BAD_USER_INPUT",
    ],
    [
      "times and a window",
      `interpolated(${hour}, timestamps: ["2026-01-01T00:00:00Z"])`,
      "timestamps",
      "BAD_USER_INPUT",
    ],
    [
      "a count of nothing",
      `interpolated(${hour}, count: 0)`,
      "count",
      "BAD_USER_INPUT",
    ],
    [
      "days without a length",
      `interpolated(${hour}, interval: "P1D")`,
      "interval",
      "BAD_USER_INPUT",
    ],
    [
      "no duration",
      `summaries(${hour}, interval: "1 hour")`,
      "interval",
      "BAD_USER_INPUT",
    ],
    [
      "a duration of nothing",
      `summaries(${hour}, interval: "PT0S")`,
      "interval",
      "BAD_USER_INPUT",
    ],
    [
      "neither count nor interval",
      `summaries(${hour})`,
      "count",
      "BAD_USER_INPUT",
    ],
    [
      "a window that ends before it begins",
      `plot(${window("01:00:00", "00:00:00")}, width: 10)`,
      "window",
      "BAD_USER_INPUT",
    ],
    ...[`interval: "P1D"`, `interval: "PT1H"`, `count: 1`].map(
      (cut): [string, string, string, string] => [
        `no time zone, whatever cuts: ${cut}`,
        `summaries(${hour}, ${cut}, timeZone: "Atlantis")`,
        "timeZone",
        "BAD_USER_INPUT",
      ],
    ),
    [
      "too many rows by count",
      `summaries(${hour}, count: 100001)`,
      "count",
      "LIMIT_EXCEEDED",
    ],
    [
      "too many rows by interval",
      `interpolated(${hour}, interval: "PT0.01S")`,
      "interval",
      "LIMIT_EXCEEDED",
    ],

    [
      "columns narrower than a microsecond",
      `plot(${window("00:00:00", "00:00:00.000003")}, width: 4)`,
      "width",
      "BAD_USER_INPUT",
    ],
    ["lttb of nothing", `lttb(${hour}, points: 0)`, "points", "BAD_USER_INPUT"],
  ])("%s", async (_, field, at, code) => {
    const id = await stream({});
    expect(await refusal(id, field)).toMatchObject({ code, at });
  });

  test.each([
    ...["+01:00", "-05:00", "+0100", "UTC+1", "GMT-5", "<+01>-1"],
    ...["IST", "AST", "PST", "CET", "EST5EDT", "Z", "Zulu", "Greenwich", ""],
    ...["posix/Europe/Berlin", "right/UTC", "SystemV/PST8", "posixrules"],
    ...["Europe/", "/Berlin", "Europe/Atlantis", "EST5EDT,M3.2.0/2,M11.1.0/2"],
    ...["Europe/Berlin ", "Europe/Berlin\\u0000", "US/Pacific-New"],
  ])("a time zone that may mean another elsewhere: %s", async (timeZone) => {
    const id = await stream({});
    const field = `summaries(${hour}, interval: "P1D", timeZone: "${timeZone}")`;
    expect(await refusal(id, field)).toEqual({
      ...{ code: "BAD_USER_INPUT", at: "timeZone" },
      message: expect.stringContaining(
        'an area and a city, like "Europe/Berlin", or "UTC" or "GMT"',
      ),
    });
  });

  test("no time zone for being unknown to PostgreSQL", async () => {
    const names = [...Intl.supportedValuesOf("timeZone"), "GMT"];
    const { rows } = await database.owner.raw<{ rows: unknown[] }>(
      `select z as name from unnest(?::text[]) z except select name from pg_timezone_names`,
      [names],
    );
    expect(rows).toEqual([]);
  });

  test("the mean of a text, naming the kind", async () => {
    const id = await stream({}, { kind: "TEXT" });
    const answer = await plant.run(
      plant.owner,
      `query ($id: ID!) { stream(id: $id) { summaries(${hour}, count: 1, kinds: [MEAN]) { values } } }`,
      { id },
    );
    expect(answer.errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining("kind TEXT, which has no MEAN"),
        extensions: { code: "BAD_USER_INPUT", at: "kinds" },
      }),
    ]);
  });

  test("a sum that no FLOAT can hold, and only of the stream whose values make it", async () => {
    const large = await stream({ "00:00:00": 1e308, "00:01:00": 1e308 });
    const small = await stream({ "00:00:00": 1, "00:01:00": 2 });
    const answer = await plant.run(
      plant.partner,
      `query ($ids: [_Any!]!) { _entities(representations: $ids) { ... on Stream { summaries(${hour}, count: 1, kinds: [TOTAL]) { values } } } }`,
      { ids: [large, small].map((id) => ({ __typename: "Stream", id })) },
    );
    expect(answer.data).toEqual({
      _entities: [{ summaries: null }, { summaries: { values: [3] } }],
    });
    expect(answer.errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining("too large or too small"),
        path: ["_entities", 0, "summaries"],
        extensions: { code: "BAD_USER_INPUT" },
      }),
    ]);
  });
});
