import fc from "fast-check";
import { dateTimeOf, microsOf, parseMicros } from "../../common/date-time.ts";
import type { ValueKind } from "../../subgraphs/stream/generated.ts";
import * as naive from "./naive.ts";
import { written } from "./plant.ts";

// Few, so that they meet: neighbours by a microsecond, a leap day, the ends of what can be stored, a month's turn.
export const times = [
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
export const start = microsOf("2026-10-01T00:00:00Z");
export const time = fc.oneof(
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

export const isNumber = ({ kind }: { kind: ValueKind }) =>
  kind === "FLOAT" || kind === "INTEGER";

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
  ENUM: fc.constantFrom(...naive.states),
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
  isMeasured: fc.boolean(),
});

/** All numbers that have a unit have the same. */
export const series: fc.Arbitrary<naive.Series> = fc
  .record({
    properties: fc.array(property, { minLength: 1, maxLength: 3 }),
    extrapolation: fc.constantFrom("NONE", "FORWARD", "BACKWARD", "BOTH"),
    uom: fc.constantFrom(...Object.keys(naive.conversions)),
  })
  .chain(({ properties, extrapolation, uom }) =>
    fc.record({
      properties: fc.constant(
        properties.map(({ isMeasured, ...one }, i) => ({
          ...{ name: `p${i}`, ...one },
          ...(isMeasured && isNumber(one) && { uom }),
        })),
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

export const window = fc
  .tuple(time, time)
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
/** An event as the type Event has it. */
export function eventOf(
  { properties }: naive.Series,
  event: naive.Event | null,
) {
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

/** Events as the table that `rows` asks for. */
export const tableOf = (
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
export const rows = "{ rowCount timestamps columns { property values } }";

/** Where an answer differs from the expected one; numbers by more than 1e-9 of their size, times by a microsecond. */
export function difference(
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
