import type {
  Boundary,
  Extrapolation,
  Interpolation,
  JoinMode,
  SearchMode,
  SummaryKind,
  ValueKind,
} from "../../subgraphs/stream/generated.ts";

/**
 * Reading as DOMAIN.md tells it, over arrays in memory and without a thought of speed: what the product's SQL is
 * compared with. Times are whole microseconds; a TIMESTAMP's value is one too, an ENUM's is its state.
 */
export type Value = number | boolean | string | null;

/** Of every ENUM, in their order. */
export const states = ["off", "starting", "it's on"];

export interface Property {
  readonly name: string;
  readonly kind: ValueKind;
  readonly interpolation: Interpolation;
  readonly uom?: string;
}

export interface Event {
  readonly at: number;
  /** In the order of the properties. */
  readonly values: readonly Value[];
}

export interface Series {
  readonly properties: readonly Property[];
  readonly extrapolation: Extrapolation;
  /** In the order of time, one at a time. */
  readonly events: readonly Event[];
}

export interface Window {
  readonly from: number;
  readonly to: number;
}

export const first = ({ events }: Series): Event | null => events[0] ?? null;

export const last = ({ events }: Series): Event | null => events.at(-1) ?? null;

export function at(
  { events }: Series,
  time: number,
  mode: SearchMode,
): Event | null {
  const exact = events.find((event) => event.at === time) ?? null;
  const next = events.find((event) => event.at > time) ?? null;
  const previous = events.findLast((event) => event.at < time) ?? null;
  switch (mode) {
    case "EXACT":
      return exact;
    case "EXACT_OR_NEXT":
      return exact ?? next;
    case "NEXT":
      return next;
    case "EXACT_OR_PREVIOUS":
      return exact ?? previous;
    case "PREVIOUS":
      return previous;
  }
}

export function eventsOf(
  series: Series,
  { from, to }: Window,
  boundary: Boundary,
): Event[] {
  const { events } = series;
  const inside = events.filter((event) => event.at > from && event.at < to);
  const closed = events.filter((event) => event.at >= from && event.at <= to);
  switch (boundary) {
    case "INSIDE":
      return inside;
    case "EXACT":
      return closed;
    case "OUTSIDE":
      return [
        ...events.filter((event) => event.at < from).slice(-1),
        ...closed,
        ...events.filter((event) => event.at > to).slice(0, 1),
      ];
    case "EXACT_OR_CALCULATED": {
      const ends = from === to ? [from] : [from, to];
      const calculated = ends.flatMap((time) => interpolatedAt(series, time));
      return [
        ...calculated.filter((event) => event.at === from),
        ...inside,
        ...calculated.filter((event) => event.at === to && to !== from),
      ];
    }
  }
}

/** One event or none, for each time that is asked for. */
export const interpolated = (series: Series, times: readonly number[]) =>
  times.flatMap((time) => interpolatedAt(series, time));

function interpolatedAt(series: Series, time: number): Event[] {
  const { properties, extrapolation } = series;
  const exact = at(series, time, "EXACT");
  if (exact) return [exact];
  if (properties.every(({ interpolation }) => interpolation === "DISCRETE"))
    return [];
  const previous = at(series, time, "PREVIOUS");
  const next = at(series, time, "NEXT");
  if (!previous && !next) return [];
  const isAllowed =
    extrapolation === "BOTH" ||
    (!previous && extrapolation === "BACKWARD") ||
    (!next && extrapolation === "FORWARD") ||
    (previous !== null && next !== null);
  if (!isAllowed) return [];
  return [
    {
      at: time,
      values: properties.map(({ kind, interpolation }, i) => {
        if (interpolation === "DISCRETE") return null;
        const before = previous?.values[i] ?? null;
        const after = next?.values[i] ?? null;
        if (!previous) return after;
        if (!next) return before;
        if (interpolation === "STEPWISE_PREVIOUS") return before;
        if (interpolation === "STEPWISE_NEXT") return after;
        if (kind === "BOOLEAN" || kind === "TEXT" || kind === "ENUM")
          return before;
        if (typeof before !== "number" || typeof after !== "number")
          return null;
        const share = (time - previous.at) / (next.at - previous.at);
        const value = before + (after - before) * share;
        return kind === "FLOAT" ? value : roundHalfAway(value);
      }),
    },
  ];
}

/** Several series in rows by time, the values of one after those of the other. */
export function joined(
  all: readonly Series[],
  { from, to }: Window,
  mode: JoinMode,
): Event[] {
  const times = new Set(
    all.flatMap(({ events }) => events.map((event) => event.at)),
  );
  const within = [...times].filter((time) => time >= from && time <= to);
  const isRow = (time: number) =>
    mode !== "INNER" || all.every((series) => at(series, time, "EXACT"));
  return within
    .filter(isRow)
    .sort((a, b) => a - b)
    .map((time) => ({
      at: time,
      values: all.flatMap((series) => {
        const event =
          mode === "OUTER_INTERPOLATED"
            ? interpolatedAt(series, time)[0]
            : at(series, time, "EXACT");
        return event?.values ?? series.properties.map(() => null);
      }),
    }));
}

const roundHalfAway = (value: number) =>
  Math.abs(value % 1) >= 0.5
    ? Math.trunc(value) + Math.sign(value)
    : Math.trunc(value);

/** `count` times from one end to the other, both included. */
export const evenTimes = ({ from, to }: Window, count: number): number[] =>
  Array.from({ length: count }, (_, i) =>
    count === 1 ? from : from + share(to - from, i, count - 1),
  );

/** A time every interval, beginning with the window's. */
export function regularTimes({ from, to }: Window, interval: number): number[] {
  const times: number[] = [];
  for (let time = from; time <= to; time += interval) times.push(time);
  return times;
}

/** The ends of `count` equal intervals. */
export const evenEdges = ({ from, to }: Window, count: number): number[] =>
  Array.from(
    { length: count + 1 },
    (_, i) => from + share(to - from, i, count),
  );

/** The ends of the intervals of a length, the last one cut. */
export const regularEdges = ({ from, to }: Window, interval: number) => {
  const edges = regularTimes({ from, to }, interval);
  return edges.at(-1) === to && edges.length > 1 ? edges : [...edges, to];
};

/** The ends of intervals of so many months and days by the clocks of a time zone, the last one cut. */
export function calendarEdges(
  { from, to }: Window,
  { months, days }: { months: number; days: number },
  timeZone: string,
): number[] {
  const edges = [from];
  for (let k = 1; ; k += 1) {
    const edge = atClock(
      later(from + offsetAt(from, timeZone), k * months, k * days),
      timeZone,
    );
    if (edge >= to) return [...edges, to];
    edges.push(edge);
  }
}

const dayMicros = 86_400_000_000;

/** A clock's time so many months and days later; a month that lacks the day has its last one. */
function later(clock: number, months: number, days: number): number {
  const ofDay = clock % dayMicros;
  const date = new Date((clock - ofDay) / 1_000);
  const month = date.getUTCMonth() + months;
  const lastDay = new Date(
    Date.UTC(date.getUTCFullYear(), month + 1, 0),
  ).getUTCDate();
  const day = Math.min(date.getUTCDate(), lastDay) + days;
  return Date.UTC(date.getUTCFullYear(), month, day) * 1_000 + ofDay;
}

/** When clocks show a time: of a time that they skip what it was before, of one that they show twice the second. */
function atClock(clock: number, timeZone: string): number {
  const before = clock - offsetAt(clock - 2 * dayMicros, timeZone);
  const after = clock - offsetAt(clock + 2 * dayMicros, timeZone);
  return (
    [after, before].find((time) => time + offsetAt(time, timeZone) === clock) ??
    before
  );
}

/** How far clocks are ahead of UTC, in microseconds. */
function offsetAt(time: number, timeZone: string): number {
  const second = Math.floor(time / 1_000_000) * 1_000;
  const parts = new Intl.DateTimeFormat("en", {
    ...{ timeZone, hourCycle: "h23", year: "numeric", month: "numeric" },
    ...{
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    },
  }).formatToParts(second);
  const part = (type: string) =>
    Number(parts.find((one) => one.type === type)?.value);
  const shown = Date.UTC(
    part("year"),
    part("month") - 1,
    part("day"),
    part("hour"),
    part("minute"),
    part("second"),
  );
  return (shown - second) * 1_000;
}

/** To what a unit is converted here, and how. */
export const conversions: Readonly<
  Record<string, { uom: string; factor: number; offset: number }>
> = {
  bar: { uom: "kPa", factor: 100, offset: 0 },
  degC: { uom: "degF", factor: 1.8, offset: 32 },
};

/** A series in other units: what has one is converted, and a FLOAT then. */
export const converted = (series: Series): Series => ({
  ...series,
  properties: series.properties.map((property) => ({
    ...property,
    kind: property.uom === undefined ? property.kind : "FLOAT",
  })),
  events: series.events.map(({ at, values }) => ({
    at,
    values: values.map((value, i) => {
      const conversion = conversions[series.properties[i]?.uom ?? ""];
      return conversion && typeof value === "number"
        ? value * conversion.factor + conversion.offset
        : value;
    }),
  })),
});

/** `of` * `part` / `parts`, to the microsecond below. */
const share = (of: number, part: number, parts: number): number =>
  Number((BigInt(of) * BigInt(part)) / BigInt(parts));

export type Summary = Partial<Record<SummaryKind, Value>>;

/** For each interval between two edges, of one property. The last interval is closed. */
export function summariesOf(
  series: Series,
  edges: readonly number[],
  index: number,
): Summary[] {
  const property = series.properties[index] as Property;
  return edges.slice(0, -1).map((start, k) => {
    const end = edges[k + 1] as number;
    const isLast = k === edges.length - 2;
    const values = series.events
      .filter(
        (event) =>
          event.at >= start && (event.at < end || (isLast && event.at === end)),
      )
      .map((event) => event.values[index] ?? null)
      .filter((value) => value !== null);
    const general: Summary = {
      COUNT: values.length,
      FIRST: values[0] ?? null,
      LAST: values.at(-1) ?? null,
      PERCENT_GOOD: percentGood(series, start, end, index),
    };
    if (property.kind !== "FLOAT" && property.kind !== "INTEGER")
      return general;
    const numbers = values as number[];
    const total = numbers.reduce((sum, value) => sum + value, 0);
    const mean = total / numbers.length;
    const squares = numbers.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    const some = numbers.length > 0;
    const minimum = some ? Math.min(...numbers) : null;
    const maximum = some ? Math.max(...numbers) : null;
    return {
      ...general,
      MINIMUM: minimum,
      MAXIMUM: maximum,
      RANGE: minimum !== null && maximum !== null ? maximum - minimum : null,
      MEAN: some ? mean : null,
      TOTAL: some ? total : null,
      STANDARD_DEVIATION:
        numbers.length > 1 ? Math.sqrt(squares / (numbers.length - 1)) : null,
      POPULATION_STANDARD_DEVIATION: some
        ? Math.sqrt(squares / numbers.length)
        : null,
      TIME_WEIGHTED_MEAN: timeWeightedMean(series, start, end, index),
    };
  });
}

/** Of a window without duration: whether the value at that time is one. */
function percentGood(
  { events }: Series,
  start: number,
  end: number,
  index: number,
): number {
  const isGood = (event: Event | undefined) =>
    event !== undefined && event.values[index] != null;
  if (start === end)
    return isGood(events.findLast((event) => event.at <= start)) ? 100 : 0;
  const good = events.reduce((sum, event, i) => {
    if (!isGood(event)) return sum;
    const from = Math.max(event.at, start);
    const to = Math.min(events[i + 1]?.at ?? Infinity, end);
    return sum + Math.max(to - from, 0);
  }, 0);
  return (100 * good) / (end - start);
}

/** The area under what lies between events, by the time that it covers. */
function timeWeightedMean(
  { properties, events }: Series,
  start: number,
  end: number,
  index: number,
): number | null {
  const { interpolation } = properties[index] as Property;
  if (interpolation === "DISCRETE") return null;
  let area = 0;
  let covered = 0;
  for (const [i, event] of events.slice(0, -1).entries()) {
    const next = events[i + 1] as Event;
    const from = Math.max(event.at, start);
    const to = Math.min(next.at, end);
    if (to <= from) continue;
    const before = event.values[index] as number | null;
    const after = next.values[index] as number | null;
    const valueAt = (time: number): number | null => {
      if (interpolation === "STEPWISE_PREVIOUS") return before;
      if (interpolation === "STEPWISE_NEXT") return after;
      if (before === null || after === null) return null;
      return (
        before + ((after - before) * (time - event.at)) / (next.at - event.at)
      );
    };
    const left = valueAt(from);
    const right = valueAt(to);
    if (left === null || right === null) continue;
    area += ((left + right) / 2) * (to - from);
    covered += to - from;
  }
  return covered > 0 ? area / covered : null;
}

/** A series as if it had this property alone. */
export const only = ({ properties, events, ...series }: Series, i: number) => ({
  ...series,
  properties: [properties[i] as Property],
  events: events.map(({ at, values }) => ({ at, values: [values[i] ?? null] })),
});

/** The first, least, greatest and last event by each property of each of `width` columns; by a text the first and last. */
export function plotOf(
  { properties, events }: Series,
  window: Window,
  width: number,
): Event[] {
  const edges = evenEdges(window, width);
  return edges.slice(0, -1).flatMap((start, k) => {
    const end = edges[k + 1] as number;
    const inColumn = events.filter(
      (event) =>
        event.at >= start &&
        (event.at < end || (k === width - 1 && event.at === end)),
    );
    const picked = new Set(
      properties.flatMap(({ kind }, i) => {
        const some = inColumn.filter(({ values }) => values[i] != null);
        const ranked = some.map((event) => rankOf(kind, event.values[i]));
        const extremes =
          kind === "TEXT"
            ? []
            : [Math.min(...ranked), Math.max(...ranked)].map(
                (rank) => some[ranked.indexOf(rank)],
              );
        return [some[0], ...extremes, some.at(-1)];
      }),
    );
    return inColumn.filter((event) => picked.has(event));
  });
}

const rankOf = (kind: ValueKind, value: Value | undefined): number =>
  kind === "ENUM" ? states.indexOf(String(value)) : Number(value);

/** Of a single number. Largest triangles, after Steinarsson: the ends, and of each bucket between the event that makes the largest one. */
export function lttbOf(
  { events }: Series,
  { from, to }: Window,
  points: number,
): Event[] {
  const all = events.filter(
    (event) => event.at >= from && event.at <= to && event.values[0] != null,
  );
  if (all.length <= points) return all;
  const valueOf = (event: Event) => event.values[0] as number;
  const timeOf = (event: Event) => event.at - (all[0] as Event).at;
  const size = (all.length - 2) / (points - 2);
  const startOf = (bucket: number) => Math.floor(bucket * size) + 1;
  const picked = [all[0] as Event];
  for (let bucket = 0; bucket < points - 2; bucket += 1) {
    const here = all.slice(startOf(bucket), startOf(bucket + 1));
    const next = all.slice(
      startOf(bucket + 1),
      Math.min(startOf(bucket + 2), all.length),
    );
    const meanAt =
      next.reduce((sum, event) => sum + timeOf(event), 0) / next.length;
    const meanValue =
      next.reduce((sum, event) => sum + valueOf(event), 0) / next.length;
    const a = picked.at(-1) as Event;
    const areaOf = (b: Event) =>
      Math.abs(
        (timeOf(a) - meanAt) * (valueOf(b) - valueOf(a)) -
          (timeOf(a) - timeOf(b)) * (meanValue - valueOf(a)),
      );
    picked.push(
      here.reduce((best, event) =>
        areaOf(event) > areaOf(best) ? event : best,
      ),
    );
  }
  return [...picked, all.at(-1) as Event];
}
