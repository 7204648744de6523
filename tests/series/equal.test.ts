import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dateTimeOf } from "../../common/date-time.ts";
import type {
  Boundary,
  SearchMode,
  SummaryKind,
} from "../../subgraphs/stream/generated.ts";
import { casesOr } from "../support/cases.ts";
import { TestDatabase } from "../support/database.ts";
import * as naive from "./naive.ts";
import { Plant, written } from "./plant.ts";
import {
  difference,
  eventOf,
  rows,
  series,
  tableOf,
  time,
  times,
  window,
} from "./random.ts";

/**
 * Streams of random types and events, read in every way by their owner and by a tenant that they are shared with, and
 * compared with the naive reading.
 */
const cases = casesOr(1000);
const readsPerStream = 20;

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
        field: `events(${windowText(window)}, boundary: ${boundary}, reversed: ${reversed}${filterText(filter)}) ${rows}`,
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
      field: `interpolated(${args}) ${rows}`,
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
    .tuple(
      window,
      fc.integer({ min: 1, max: 6 }),
      fc.option(fc.nat(series.properties.length - 1)),
    )
    .filter(([{ from, to }, width]) => width === 1 || width <= to - from)
    .map(([window, width, i]) => {
      const drawn = i === null ? series : naive.only(series, i);
      const columns = i === null ? "columns" : `columns(properties: ["p${i}"])`;
      return {
        field: `plot(${windowText(window)}, width: ${width}) { rowCount timestamps ${columns} { property values } }`,
        expected: tableOf(drawn, naive.plotOf(drawn, window, width)),
      };
    });
  const numbers = series.properties.flatMap(({ kind }, i) =>
    ["FLOAT", "INTEGER"].includes(kind) ? [i] : [],
  );
  const lttb = () =>
    fc
      .tuple(
        window,
        fc.integer({ min: 3, max: 9 }),
        fc.constantFrom(...numbers),
      )
      .map(([window, points, i]) => ({
        field: `lttb(${windowText(window)}, points: ${points}) { rowCount timestamps columns(properties: ["p${i}"]) { property values } }`,
        expected: tableOf(
          naive.only(series, i),
          naive.lttbOf(naive.only(series, i), window, points),
        ),
      }));
  return fc.oneof(
    find,
    events,
    interpolated,
    summaries,
    plot,
    ...(numbers.length > 0 ? [lttb()] : []),
  );
}

let database: TestDatabase;
let plant: Plant;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
});
afterAll(() => database.drop());

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
