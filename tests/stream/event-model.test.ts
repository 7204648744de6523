import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dateTimeOf, microsOf, type Micros } from "../../common/date-time.ts";
import type { Viewer } from "../../common/viewer.ts";
import type { WriteMode } from "../../subgraphs/stream/generated.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run, type Answer } from "../support/run.ts";
import { Seed, type Row, type Stream } from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

/**
 * The events of one stream once more, as a plain list: what is written and read through the graph is compared with it.
 */
interface ModelEvent {
  readonly time: Micros;
  readonly values: readonly Value[];
}
type Value = number | boolean | string | null;
type Kind = "FLOAT" | "INTEGER" | "BOOLEAN" | "TEXT";
type Boundary = "EXACT" | "INSIDE" | "OUTSIDE";
type Mode =
  "EXACT" | "EXACT_OR_NEXT" | "NEXT" | "EXACT_OR_PREVIOUS" | "PREVIOUS";

function within(
  events: readonly ModelEvent[],
  from: Micros,
  to: Micros,
  boundary: Boundary,
): readonly ModelEvent[] {
  if (boundary === "INSIDE")
    return events.filter(({ time }) => time > from && time < to);
  const closed = events.filter(({ time }) => time >= from && time <= to);
  if (boundary === "EXACT") return closed;
  return [
    ...events.filter(({ time }) => time < from).slice(-1),
    ...closed,
    ...events.filter(({ time }) => time > to).slice(0, 1),
  ];
}

function at(
  events: readonly ModelEvent[],
  asked: Micros,
  mode: Mode,
): ModelEvent | undefined {
  switch (mode) {
    case "EXACT":
      return events.find(({ time }) => time === asked);
    case "EXACT_OR_NEXT":
      return events.find(({ time }) => time >= asked);
    case "NEXT":
      return events.find(({ time }) => time > asked);
    case "EXACT_OR_PREVIOUS":
      return events.findLast(({ time }) => time <= asked);
    case "PREVIOUS":
      return events.findLast(({ time }) => time < asked);
  }
}

// Few, so that they meet: the ends of what can be stored, a month's turn, neighbours by a microsecond.
const times = [
  "1970-01-01T00:00:00Z",
  "2019-12-31T23:59:59.999999Z",
  "2026-09-30T23:59:59.999999Z",
  "2026-10-01T00:00:00Z",
  "2026-10-01T00:00:00.000001Z",
  "2026-10-01T00:00:00.000002Z",
  "2026-10-15T12:00:00.5Z",
  "2026-11-01T00:00:00Z",
  "2026-11-02T03:04:05.000678Z",
  "2200-12-31T23:59:59.999999Z",
].map(microsOf);
const time = fc.constantFrom(...times);

const valueOf: Record<Kind, fc.Arbitrary<Value>> = {
  FLOAT: fc.double({ noNaN: true, noDefaultInfinity: true }),
  INTEGER: fc.maxSafeInteger(),
  BOOLEAN: fc.boolean(),
  TEXT: fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
};
const kinds = fc.array(
  fc.constantFrom<Kind>("FLOAT", "INTEGER", "BOOLEAN", "TEXT"),
  {
    minLength: 1,
    maxLength: 5,
  },
);
const writes = (kinds: readonly Kind[]) =>
  fc.array(
    fc.record({
      mode: fc.constantFrom<WriteMode>("INSERT", "UPSERT", "REPLACE", "PATCH"),
      /** Of properties, which a call names; the others are left out. */
      given: fc.subarray([...kinds.keys()], { minLength: 1 }),
      events: fc.uniqueArray(
        fc.record({
          time,
          values: fc.tuple(
            ...kinds.map((kind) => fc.option(valueOf[kind], { freq: 4 })),
          ),
        }),
        { selector: ({ time }) => time, minLength: 1 },
      ),
    }),
    { minLength: 1, maxLength: 6 },
  );
const reads = fc.array(
  fc.record({
    ends: fc.tuple(time, time),
    boundary: fc.constantFrom<Boundary>("EXACT", "INSIDE", "OUTSIDE"),
    reversed: fc.boolean(),
    pageSize: fc.integer({ min: 1, max: 4 }),
    mode: fc.constantFrom<Mode>(
      "EXACT",
      "EXACT_OR_NEXT",
      "NEXT",
      "EXACT_OR_PREVIOUS",
      "PREVIOUS",
    ),
  }),
  { minLength: 1, maxLength: 5 },
);
const scenario = kinds.chain((kinds) =>
  fc.record({ kinds: fc.constant(kinds), writes: writes(kinds), reads }),
);

let database: TestDatabase;
let seed: Seed;
let tenant: Row;
let writer: Viewer;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  tenant = await seed.tenant();
  writer = as(await seed.client(tenant, ["CONTRIBUTOR"]));
});
afterAll(() => database.drop());

const ask = (query: string, variables: Record<string, unknown>) =>
  run(streamSubgraph(database), writer, query, variables);

async function write(
  stream: Stream,
  given: readonly number[],
  mode: WriteMode,
  events: readonly ModelEvent[],
): Promise<Answer> {
  return ask(
    `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
    {
      input: {
        mode,
        streams: [
          {
            streamId: stream.uuid,
            timestamps: events.map(({ time }) => dateTimeOf(time)),
            columns: given.map((i) => ({
              property: `p${i}`,
              values: events.map(({ values }) => values[i]),
            })),
          },
        ],
      },
    },
  );
}

/** What JSON makes of it: the graph has no negative zero in an INTEGER, and toEqual tells zeros apart. */
const plain = (value: Value): Value => (value === 0 ? 0 : value);

const table = (kinds: readonly Kind[], events: readonly ModelEvent[]) => ({
  rowCount: events.length,
  timestamps: events.map(({ time }) => dateTimeOf(time)),
  values: events.map(({ values: [value = null] }) => plain(value)),
  columns: kinds.map((kind, i) => ({
    name: `p${i}`,
    kind,
    values: events.map(({ values }) => plain(values[i] ?? null)),
  })),
});

const event = (found: ModelEvent | undefined) =>
  found
    ? {
        timestamp: dateTimeOf(found.time),
        value: plain(found.values[0] ?? null),
        values: Object.fromEntries(
          found.values.map((value, i) => [`p${i}`, plain(value)]),
        ),
      }
    : null;

const eventFields = `{ timestamp value values }`;
const readQuery = `
  query ($id: ID!, $window: TimeWindow!, $boundary: Boundary!, $reversed: Boolean!, $first: Int!, $after: String,
         $timestamp: DateTime!, $mode: SearchMode!) {
    stream(id: $id) {
      first ${eventFields} last ${eventFields} at(timestamp: $timestamp, mode: $mode) ${eventFields}
      events(window: $window, boundary: $boundary, reversed: $reversed, first: $first, after: $after) {
        rowCount timestamps values columns { name kind values } hasNextPage endCursor
      }
    }
  }`;

interface Read {
  readonly first: unknown;
  readonly last: unknown;
  readonly at: unknown;
  readonly events: {
    readonly hasNextPage: boolean;
    readonly endCursor: string | null;
  };
}

test("whatever is written, every read answers as a plain list would", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ kinds, writes, reads }) => {
      const properties = kinds.map((kind, i) => ({ name: `p${i}`, kind }));
      const stream = await seed.stream(tenant, { properties });
      const stored = new Map<Micros, ModelEvent>();
      for (const { mode, given, events } of writes) {
        const answer = await write(stream, given, mode, events);
        const isRefused = ({ time }: ModelEvent) =>
          mode === "UPSERT" ? false : stored.has(time) === (mode === "INSERT");
        const refused = events.findIndex(isRefused);
        if (refused >= 0) {
          expect(answer.errors).toEqual([
            expect.objectContaining({
              extensions: {
                code: "CONFLICT",
                at: `input.streams.0.timestamps.${refused}`,
              },
            }),
          ]);
          continue;
        }
        expect(answer.errors).toEqual([]);
        for (const { time, values } of events) {
          const before = mode === "PATCH" ? stored.get(time)?.values : null;
          stored.set(time, {
            time,
            values: values.map((value, i) =>
              given.includes(i) ? value : (before?.[i] ?? null),
            ),
          });
        }
      }
      const events = [...stored.values()].sort((a, b) => a.time - b.time);

      for (const { ends, boundary, reversed, pageSize, mode } of reads) {
        const [from = 0, to = 0] = ends.toSorted((a, b) => a - b);
        // A window in which no time lies is refused; it has a test of its own.
        if (boundary === "INSIDE" && to - from < 2) continue;
        const expected = within(events, from, to, boundary).slice();
        if (reversed) expected.reverse();
        let after: string | null = null;
        do {
          const { data, errors }: Answer = await ask(readQuery, {
            id: stream.uuid,
            window: { from: dateTimeOf(from), to: dateTimeOf(to) },
            ...{ boundary, reversed, first: pageSize, after },
            ...{ timestamp: dateTimeOf(ends[0]), mode },
          });
          expect(errors).toEqual([]);
          const read = (data as unknown as { stream: Read }).stream;
          const page = expected.splice(0, pageSize);
          expect(read).toEqual({
            first: event(events[0]),
            last: event(events.at(-1)),
            at: event(at(events, ends[0], mode)),
            events: {
              ...table(kinds, page),
              hasNextPage: expected.length > 0,
              endCursor: page.length > 0 ? expect.any(String) : null,
            },
          });
          after = read.events.endCursor;
        } while (expected.length > 0);
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);
