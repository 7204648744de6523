import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dateTimeOf, microsOf } from "../../common/date-time.ts";
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
  isNumber,
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
/** Besides those, its first event and its last. */
const comparedPerStream = readsPerStream + 2;

const dt = (at: number) => JSON.stringify(dateTimeOf(at));
const windowText = ({ from, to }: naive.Window) =>
  `window: { from: ${dt(from)}, to: ${dt(to)} }`;

const minutes = fc.integer({ min: 1, max: 40 });
const clockYears = microsOf("2025-01-01T00:00:00Z");

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

const boundaries = [
  "EXACT",
  "INSIDE",
  "OUTSIDE",
  "EXACT_OR_CALCULATED",
] as const;

/** Some around the times at which clocks are put forward or back. */
const calendar = fc
  .record({
    from: fc.oneof(
      fc.constantFrom(
        ...[
          "2026-03-27T01:30:00Z",
          "2026-10-24T00:30:00Z",
          "2026-10-25T00:30:00Z",
        ],
        ...[
          "2026-03-07T07:10:00.000001Z",
          "2026-10-30T06:30:00Z",
          "2024-01-31T12:00:00Z",
        ],
      ),
      fc.nat(800 * 48).map((n) => dateTimeOf(clockYears + n * 1_800_000_000)),
    ),
    hours: fc.integer({ min: 0, max: 70 * 24 }),
    months: fc.nat(1),
    days: fc.integer({ min: 1, max: 9 }),
    timeZone: fc.constantFrom(
      ...["UTC", "Europe/Berlin", "America/New_York"],
      ...["Australia/Lord_Howe", "Asia/Kathmandu"],
    ),
  })
  .map(({ from, hours, months, days, timeZone }) => {
    const start = microsOf(from);
    const window = { from: start, to: start + hours * 3_600_000_000 };
    return {
      args: `${windowText(window)}, interval: "P${months}M${days}D", timeZone: "${timeZone}"`,
      edges: naive.calendarEdges(window, { months, days }, timeZone),
    };
  });

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

const isMeasured = ({ uom }: naive.Property) => uom !== undefined;

/** Reads of a series, some of them in another unit. */
const reads = (series: naive.Series): fc.Arbitrary<Read> =>
  fc.oneof(
    readsIn(series, null),
    ...(series.properties.some(isMeasured)
      ? [
          readsIn(
            series,
            naive.conversions[series.properties.find(isMeasured)?.uom ?? ""]
              ?.uom ?? null,
          ),
        ]
      : []),
  );

function readsIn(stored: naive.Series, uom: string | null): fc.Arbitrary<Read> {
  const shown = (series: naive.Series) =>
    uom === null ? series : naive.converted(series);
  const series = shown(stored);
  const isDrawn = (i: number) =>
    uom === null || isMeasured(series.properties[i] as naive.Property);
  const unit = uom === null ? "" : `, uom: "${uom}"`;
  const filtered = (filter: Filter | null): naive.Series =>
    filter === null
      ? series
      : shown({ ...stored, events: stored.events.filter(filter.keeps) });
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
      field: `at(timestamp: ${dt(at)}, mode: ${mode}${unit}) { timestamp value values }`,
      expected: eventOf(series, naive.at(series, at, mode)),
    }));
  const events = fc
    .tuple(
      window,
      fc.constantFrom<Boundary>(...boundaries),
      fc.boolean(),
      filterOf(stored),
    )
    .filter(
      ([{ from, to }, boundary]) => boundary !== "INSIDE" || to - from >= 2,
    )
    .map(([window, boundary, reversed, filter]) => {
      const found = naive.eventsOf(filtered(filter), window, boundary);
      return {
        field: `events(${windowText(window)}, boundary: ${boundary}, reversed: ${reversed}${filterText(filter)}${unit}) ${rows}`,
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
      field: `interpolated(${args}${unit}) ${rows}`,
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
        calendar,
      ),
      filterOf(stored),
    )
    .map(([{ args, edges }, filter]) => {
      const asked = series.properties.every(isNumber)
        ? numericKinds
        : summaryKinds;
      const byProperty = series.properties.map((_, i) =>
        naive.summariesOf(filtered(filter), edges, i),
      );
      return {
        field: `summaries(${args}, kinds: [${asked.join(", ")}]${filterText(filter)}${unit}) { rowCount timestamps columns { property summary values } }`,
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
    .filter(
      ([{ from, to }, width, i]) =>
        (width === 1 || width <= to - from) && (i === null || isDrawn(i)),
    )
    .map(([window, width, i]) => {
      const drawn = i === null ? series : naive.only(series, i);
      const columns = i === null ? "columns" : `columns(properties: ["p${i}"])`;
      return {
        field: `plot(${windowText(window)}, width: ${width}${unit}) { rowCount timestamps ${columns} { property values } }`,
        expected: tableOf(drawn, naive.plotOf(drawn, window, width)),
      };
    });
  const numbers = series.properties.flatMap((property, i) =>
    isNumber(property) && isDrawn(i) ? [i] : [],
  );
  const lttb = () =>
    fc
      .tuple(
        window,
        fc.integer({ min: 3, max: 9 }),
        fc.constantFrom(...numbers),
      )
      .map(([window, points, i]) => ({
        field: `lttb(${windowText(window)}, points: ${points}${unit}) { rowCount timestamps columns(properties: ["p${i}"]) { property values } }`,
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
  // Each read of a stream once, though both viewers read it.
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      series.chain((series) =>
        fc.record({
          series: fc.constant(series),
          reads: fc.uniqueArray(reads(series), {
            minLength: readsPerStream,
            maxLength: readsPerStream,
            selector: ({ field }) => field,
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
        }
        compared += comparedPerStream;
      },
    ),
    { numRuns: Math.ceil(cases / comparedPerStream), endOnFailure: true },
  );
  expect(compared).toBeGreaterThanOrEqual(cases);
}, 3_600_000);

test("pages follow one another by their cursors until all is read", async () => {
  await fc.assert(
    fc.asyncProperty(
      series.chain((series) =>
        fc.record({ series: fc.constant(series), filter: filterOf(series) }),
      ),
      window.filter(({ from, to }) => to - from >= 2),
      fc.constantFrom<Boundary>(...boundaries),
      fc.boolean(),
      fc.integer({ min: 1, max: 5 }),
      async ({ series, filter }, window, boundary, reversed, size) => {
        const id = await plant.create(series);
        const kept = filter
          ? { ...series, events: series.events.filter(filter.keeps) }
          : series;
        const expected = naive.eventsOf(kept, window, boundary);
        if (reversed) expected.reverse();
        for (let done = 0, after: string | null = null; ; done += size) {
          const { stream } = await plant.ask(
            plant.partner,
            `query ($id: ID!, $filter: String, $after: String) { stream(id: $id) {
               events(${windowText(window)}, boundary: ${boundary}, reversed: ${reversed}, first: ${size}, filter: $filter, after: $after)
                 { endCursor hasNextPage rowCount timestamps columns { property values } } } }`,
            { id, filter: filter?.text, after },
          );
          const { events } = stream as {
            events: { endCursor: string; hasNextPage: boolean };
          };
          const { endCursor, hasNextPage, ...page } = events;
          expect(
            difference(
              page,
              tableOf(series, expected.slice(done, done + size)),
            ),
          ).toBeNull();
          expect(hasNextPage).toBe(done + size < expected.length);
          if (!hasNextPage) break;
          after = endCursor;
        }
      },
    ),
    { numRuns: Math.ceil(cases / 60), endOnFailure: true },
  );
}, 3_600_000);

test("several streams are read as each of them", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(series, { minLength: 1, maxLength: 4 }),
      window.filter(({ from, to }) => to - from >= 6),
      fc.constantFrom<Boundary>(...boundaries),
      fc.boolean(),
      fc.integer({ min: 1, max: 6 }),
      async (all, window, boundary, reversed, count) => {
        const ids = await Promise.all(all.map((one) => plant.create(one)));
        const { streamEvents, streamSummaries } = await plant.ask(
          plant.partner,
          `query ($ids: [ID!]!) {
             streamEvents(ids: $ids, ${windowText(window)}, boundary: ${boundary}, reversed: ${reversed}, first: ${count}) ${rows}
             streamSummaries(ids: $ids, ${windowText(window)}, count: ${count}, kinds: [COUNT, PERCENT_GOOD]) { columns { property summary values } }
           }`,
          { ids },
        );
        const events = all.map((one) => {
          const found = naive.eventsOf(one, window, boundary);
          if (reversed) found.reverse();
          return tableOf(one, found.slice(0, count));
        });
        const summaries = all.map((one) => ({
          columns: one.properties.flatMap(({ name }, i) => {
            const found = naive.summariesOf(
              one,
              naive.evenEdges(window, count),
              i,
            );
            return (["COUNT", "PERCENT_GOOD"] as const).map((summary) => ({
              ...{ property: name, summary },
              values: found.map((row) => row[summary]),
            }));
          }),
        }));
        expect(difference(streamEvents, events)).toBeNull();
        expect(difference(streamSummaries, summaries)).toBeNull();
      },
    ),
    { numRuns: Math.ceil(cases / 120), endOnFailure: true },
  );
}, 3_600_000);
