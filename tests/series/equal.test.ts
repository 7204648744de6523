import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dateTimeOf, microsOf, parseMicros } from "../../common/date-time.ts";
import type {
  Boundary,
  SearchMode,
  SummaryKind,
  ValueKind,
} from "../../subgraphs/stream/generated.ts";
import { casesOr } from "../support/cases.ts";
import { TestDatabase } from "../support/database.ts";
import * as naive from "./naive.ts";
import { Plant, states, written } from "./plant.ts";

/**
 * Streams of random types and events, read in every way by their owner and by a tenant that they are shared with, and
 * compared with the naive reading.
 */
const cases = casesOr(1200);
const readsPerStream = 20;

// Few, so that they meet: neighbours by a microsecond, a leap day, the ends of what can be stored, a month's turn.
const times = [
  "1970-01-01T00:00:00Z",
  "2024-02-28T23:59:59.999999Z",
  "2024-02-29T00:00:00Z",
  "2024-03-01T12:00:00Z",
  "2026-09-30T23:59:59.999999Z",
  "2026-10-01T00:00:00Z",
  "2026-10-01T00:00:00.000001Z",
  "2026-10-01T00:00:00.000003Z",
  "2026-10-15T12:00:00.5Z",
  "2026-11-01T00:00:00Z",
  "2026-11-02T03:04:05.000678Z",
  "2200-12-31T23:59:59.999999Z",
].map(microsOf);
const start = microsOf("2026-10-01T00:00:00Z");
const time = fc.oneof(
  fc.constantFrom(...times),
  fc.integer({ min: 0, max: 50 }).map((n) => start + n * 60_000_000),
);

const kinds: readonly ValueKind[] = [
  "FLOAT",
  "INTEGER",
  "BOOLEAN",
  "TEXT",
  "TIMESTAMP",
  "ENUM",
];

const valueOf: Record<ValueKind, fc.Arbitrary<naive.Value>> = {
  FLOAT: fc.oneof(
    fc
      .double({ min: -1e6, max: 1e6, noNaN: true })
      .filter((value) => value === 0 || Math.abs(value) > 1e-100),
    fc.integer({ min: -3, max: 3 }),
  ),
  INTEGER: fc.integer({ min: -9, max: 9 }),
  BOOLEAN: fc.boolean(),
  TEXT: fc.constantFrom("", "a", "b", "grün", "'", "🦊"),
  TIMESTAMP: fc.constantFrom(...times),
  ENUM: fc.constantFrom(...states),
};

const property = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constant<ValueKind>("FLOAT") },
    { weight: 3, arbitrary: fc.constantFrom(...kinds) },
  ),
  interpolation: fc.constantFrom(
    "CONTINUOUS" as const,
    "CONTINUOUS" as const,
    "STEPWISE_PREVIOUS" as const,
    "STEPWISE_NEXT" as const,
    "DISCRETE" as const,
  ),
});

const series: fc.Arbitrary<naive.Series> = fc
  .record({
    properties: fc.array(property, { minLength: 1, maxLength: 3 }),
    extrapolation: fc.constantFrom("NONE", "FORWARD", "BACKWARD", "BOTH"),
  })
  .chain(({ properties, extrapolation }) =>
    fc.record({
      properties: fc.constant(
        properties.map((one, i) => ({ name: `p${i}`, ...one })),
      ),
      extrapolation: fc.constant(extrapolation),
      events: fc
        .uniqueArray(
          fc.record({
            at: time,
            values: fc.tuple(
              ...properties.map(({ kind }) =>
                fc.option(valueOf[kind], { freq: 5 }),
              ),
            ),
          }),
          { selector: ({ at }) => at, maxLength: 14 },
        )
        .map((events) => events.toSorted((a, b) => a.at - b.at)),
    }),
  );

const window = fc
  .tuple(time, time)
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const minutes = fc.integer({ min: 1, max: 40 });

const summaryKinds: readonly SummaryKind[] = [
  "COUNT",
  "FIRST",
  "LAST",
  "PERCENT_GOOD",
];
const numericKinds: readonly SummaryKind[] = [
  ...summaryKinds,
  "MINIMUM",
  "MAXIMUM",
  "RANGE",
  "MEAN",
  "TOTAL",
  "STANDARD_DEVIATION",
  "POPULATION_STANDARD_DEVIATION",
  "TIME_WEIGHTED_MEAN",
];

/** A filter as it is written, and what it keeps. */
interface Filter {
  readonly text: string;
  readonly keeps: (event: naive.Event) => boolean;
}

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

const filterOf = ({ properties }: naive.Series): fc.Arbitrary<Filter | null> =>
  fc.option(
    fc
      .record({
        i: fc.nat(properties.length - 1),
        operator: fc.constantFrom(...Object.keys(comparisons)),
        limit: fc.integer({ min: -3, max: 3 }),
        negated: fc.boolean(),
      })
      .map(({ i, operator, limit, negated }): Filter => {
        const { name, kind } = properties[i] as naive.Property;
        return kind === "FLOAT" || kind === "INTEGER"
          ? {
              text: `${negated ? "not " : ""}${name} ${operator} ${limit} or ${name} / 0 = 1`,
              // What is compared with null, or divided by nothing, is neither true nor false.
              keeps: ({ values }) =>
                typeof values[i] === "number" &&
                comparisons[operator]?.(values[i], limit) !== negated,
            }
          : {
              text: `${name} is ${negated ? "not " : ""}null`,
              keeps: ({ values }) => (values[i] === null) !== negated,
            };
      }),
    { freq: 2 },
  );

interface Read {
  /** Of the type Stream, without an alias. */
  readonly field: string;
  readonly expected: unknown;
}

const dt = (at: number) => JSON.stringify(dateTimeOf(at));
const windowText = ({ from, to }: naive.Window) =>
  `window: { from: ${dt(from)}, to: ${dt(to)} }`;

function eventOf({ properties }: naive.Series, event: naive.Event | null) {
  if (event === null) return null;
  const values = properties.map(({ kind }, i) =>
    written(kind, event.values[i] ?? null),
  );
  return {
    timestamp: dateTimeOf(event.at),
    value: values[0],
    values: Object.fromEntries(
      properties.map(({ name }, i) => [name, values[i]]),
    ),
  };
}

const tableOf = (
  { properties }: naive.Series,
  events: readonly naive.Event[],
) => ({
  rowCount: events.length,
  timestamps: events.map(({ at }) => dateTimeOf(at)),
  columns: properties.map(({ name, kind }, i) => ({
    property: name,
    values: events.map(({ values }) => written(kind, values[i] ?? null)),
  })),
});
const table = "{ rowCount timestamps columns { property values } }";

function reads(series: naive.Series): fc.Arbitrary<Read> {
  const filtered = (filter: Filter | null): naive.Series =>
    filter === null
      ? series
      : { ...series, events: series.events.filter(filter.keeps) };
  const filterText = (filter: Filter | null) =>
    filter === null ? "" : `, filter: ${JSON.stringify(filter.text)}`;
  const find = fc
    .tuple(
      time,
      fc.constantFrom<SearchMode>(
        "EXACT",
        "EXACT_OR_NEXT",
        "NEXT",
        "EXACT_OR_PREVIOUS",
        "PREVIOUS",
      ),
    )
    .map(([at, mode]) => ({
      field: `at(timestamp: ${dt(at)}, mode: ${mode}) { timestamp value values }`,
      expected: eventOf(series, naive.at(series, at, mode)),
    }));
  const events = fc
    .tuple(
      window,
      fc.constantFrom<Boundary>(
        "EXACT",
        "INSIDE",
        "OUTSIDE",
        "EXACT_OR_CALCULATED",
      ),
      fc.boolean(),
      filterOf(series),
    )
    .filter(
      ([{ from, to }, boundary]) => boundary !== "INSIDE" || to - from >= 2,
    )
    .map(([window, boundary, reversed, filter]) => {
      const found = naive.eventsOf(filtered(filter), window, boundary);
      return {
        field: `events(${windowText(window)}, boundary: ${boundary}, reversed: ${reversed}${filterText(filter)}) ${table}`,
        expected: tableOf(series, reversed ? found.toReversed() : found),
      };
    });
  const interpolated = fc
    .oneof(
      fc.array(time, { minLength: 1, maxLength: 8 }).map((times) => ({
        args: `timestamps: [${times.map(dt).join(", ")}]`,
        times,
      })),
      fc
        .tuple(window, fc.integer({ min: 1, max: 7 }))
        .map(([window, count]) => ({
          args: `${windowText(window)}, count: ${count}`,
          times: naive.evenTimes(window, count),
        })),
      fc.tuple(time, minutes, minutes).map(([from, length, step]) => {
        const window = {
          from,
          to: Math.min(from + length * 60_000_000, times.at(-1) as number),
        };
        return {
          args: `${windowText(window)}, interval: "PT${step}M"`,
          times: naive.regularTimes(window, step * 60_000_000),
        };
      }),
    )
    .map(({ args, times }) => ({
      field: `interpolated(${args}) ${table}`,
      expected: tableOf(series, naive.interpolated(series, times)),
    }));
  const summaries = fc
    .tuple(
      fc.oneof(
        fc
          .tuple(window, fc.integer({ min: 1, max: 6 }))
          .filter(([{ from, to }, count]) => count === 1 || count <= to - from)
          .map(([window, count]) => ({
            args: `${windowText(window)}, count: ${count}`,
            edges: naive.evenEdges(window, count),
          })),
        fc.tuple(time, minutes, minutes).map(([from, length, step]) => {
          const window = {
            from,
            to: Math.min(from + length * 60_000_000, times.at(-1) as number),
          };
          return {
            args: `${windowText(window)}, interval: "PT${step}M"`,
            edges: naive.regularEdges(window, step * 60_000_000),
          };
        }),
      ),
      filterOf(series),
    )
    .map(([{ args, edges }, filter]) => {
      const numeric = series.properties.every(({ kind }) =>
        ["FLOAT", "INTEGER"].includes(kind),
      );
      const asked = numeric ? numericKinds : summaryKinds;
      const byProperty = series.properties.map((_, i) =>
        naive.summariesOf(filtered(filter), edges, i),
      );
      return {
        field: `summaries(${args}, kinds: [${asked.join(", ")}]${filterText(filter)}) { rowCount timestamps columns { property summary values } }`,
        expected: {
          rowCount: edges.length - 1,
          timestamps: edges.slice(0, -1).map(dateTimeOf),
          columns: series.properties.flatMap(({ name, kind }, i) =>
            asked.map((summary) => ({
              property: name,
              summary,
              values: byProperty[i]?.map((row) =>
                ["FIRST", "LAST"].includes(summary)
                  ? written(kind, row[summary] ?? null)
                  : (row[summary] ?? null),
              ),
            })),
          ),
        },
      };
    });
  const plot = fc
    .tuple(window, fc.integer({ min: 1, max: 6 }))
    .filter(([{ from, to }, width]) => width === 1 || width <= to - from)
    .map(([window, width]) => {
      const numeric = series.properties.findIndex(
        ({ kind }) => kind === "FLOAT",
      );
      const i = Math.max(numeric, 0);
      const name = `p${i}`;
      const only = {
        ...series,
        properties: [series.properties[i] as naive.Property],
      };
      const events =
        numeric < 0
          ? null
          : naive.plotOf(series, window, width, i).map((event) => ({
              ...event,
              values: [event.values[i] ?? null],
            }));
      return events === null
        ? null
        : {
            field: `plot(${windowText(window)}, width: ${width}) { rowCount timestamps columns(properties: ["${name}"]) { property values } }`,
            expected: tableOf(only, events),
          };
    })
    .filter((read) => read !== null);
  const lttb = fc
    .tuple(window, fc.integer({ min: 3, max: 9 }))
    .map(([window, points]) => {
      const i = series.properties.findIndex(({ kind }) => kind === "FLOAT");
      const { name } = series.properties[i] as naive.Property;
      return {
        field: `lttb(${windowText(window)}, points: ${points}) { rowCount timestamps columns(properties: ["${name}"]) { property values } }`,
        expected: tableOf(
          { ...series, properties: [series.properties[i] as naive.Property] },
          naive.lttbOf(series, window, points, i).map((event) => ({
            ...event,
            values: [event.values[i] ?? null],
          })),
        ),
      };
    });
  const isDrawn = series.properties.some(({ kind }) => kind === "FLOAT");
  return fc.oneof(
    find,
    events,
    interpolated,
    summaries,
    ...(isDrawn ? [plot, lttb] : []),
  );
}

let database: TestDatabase;
let plant: Plant;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
});
afterAll(() => database.drop());

/** Where an answer differs from the expected one; numbers by more than 1e-9 of their size, times by a microsecond. */
function difference(
  actual: unknown,
  expected: unknown,
  path = "",
): string | null {
  if (typeof actual === "number" && typeof expected === "number")
    return Math.abs(actual - expected) <=
      1e-9 * Math.max(Math.abs(actual), Math.abs(expected), 1)
      ? null
      : `${path}: ${actual} instead of ${expected}`;
  if (typeof actual === "string" && typeof expected === "string") {
    const [a, b] = [parseMicros(actual), parseMicros(expected)];
    if (a !== null && b !== null && Math.abs(a - b) <= 1) return null;
  }
  const isTree =
    typeof actual === "object" &&
    typeof expected === "object" &&
    actual !== null &&
    expected !== null;
  if (!isTree)
    return actual === expected
      ? null
      : `${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`;
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  for (const key of keys) {
    const found = difference(
      (actual as Record<string, unknown>)[key],
      (expected as Record<string, unknown>)[key],
      `${path}.${key}`,
    );
    if (found !== null) return found;
  }
  return null;
}

test("every read answers as the naive reading does", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      series.chain((series) =>
        fc.record({
          series: fc.constant(series),
          reads: fc.array(reads(series), {
            minLength: readsPerStream,
            maxLength: readsPerStream,
          }),
        }),
      ),
      async ({ series, reads }) => {
        const id = await plant.create(series);
        const query = `query ($id: ID!) { stream(id: $id) {
          first { timestamp value values } last { timestamp value values }
          ${reads.map(({ field }, i) => `r${i}: ${field}`).join("\n")} } }`;
        for (const viewer of [plant.owner, plant.partner]) {
          const { stream } = await plant.ask(viewer, query, { id });
          const answers = stream as Record<string, unknown>;
          const expected = {
            first: eventOf(series, naive.first(series)),
            last: eventOf(series, naive.last(series)),
            ...Object.fromEntries(
              reads.map(({ expected }, i) => [`r${i}`, expected]),
            ),
          };
          const found = difference(answers, expected);
          if (found !== null) {
            const [, i] = /^\.r(\d+)/.exec(found) ?? [];
            throw new Error(
              `${found}\nof ${JSON.stringify(series)}\n ${i === undefined ? "first or last" : reads[Number(i)]?.field}`,
            );
          }
          compared += reads.length + 2;
        }
      },
    ),
    { numRuns: Math.ceil(cases / readsPerStream), endOnFailure: true },
  );
  expect(compared).toBeGreaterThanOrEqual(cases);
}, 3_600_000);
