import {
  dateTimeOf,
  microsOf,
  type Micros,
} from "../../../common/date-time.ts";
import { parseDuration, type Duration } from "../../../common/duration.ts";
import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { InterpolatedArgs, TimeWindow, Window } from "./asked.ts";

export function windowFrom(window: TimeWindow, at = "window"): Window {
  const from = microsOf(window.from);
  const to = microsOf(window.to);
  if (from > to)
    throw badInput(
      "This window ends before it begins. Exchange from and to.",
      at,
    );
  return { from, to };
}

/** Throws unless there may be so many rows, before their times are made. */
export type Admit = (count: number, at: string, next?: string) => void;

/** The times at which events are computed. */
export function interpolationTimes(
  { window, count, interval, timestamps }: InterpolatedArgs,
  admit: Admit,
): readonly string[] {
  if (
    timestamps != null &&
    window == null &&
    count == null &&
    interval == null
  ) {
    admit(timestamps.length, "timestamps", "Ask for them in several reads.");
    return timestamps;
  }
  if (timestamps == null && window != null) {
    const within = windowFrom(window);
    if (count != null && interval == null)
      return evenTimes(within, count, admit);
    if (interval != null && count == null)
      return regularTimes(within, interval, admit);
  }
  throw badInput(
    "Give timestamps alone, or a window with exactly one of count and interval.",
    "timestamps",
  );
}

/** `count` times from one end of the window to the other, both included. */
function evenTimes(
  { from, to }: Window,
  count: number,
  admit: Admit,
): string[] {
  admit(count, "count");
  return Array.from({ length: count }, (_, i) =>
    dateTimeOf(count === 1 ? from : from + part(to - from, i, count - 1)),
  );
}

/** A time every interval, from the window's beginning on. */
function regularTimes(
  { from, to }: Window,
  interval: string,
  admit: Admit,
): string[] {
  const micros = fixedFrom(interval);
  const count = Math.floor((to - from) / micros) + 1;
  admit(count, "interval");
  return Array.from({ length: count }, (_, i) => dateTimeOf(from + i * micros));
}

/** The ends of `count` equal intervals, to the microsecond. */
export function evenEdges(
  { from, to }: Window,
  count: number,
  admit: Admit,
  at: string,
): string[] {
  admit(count, at);
  if (count > 1 && count > to - from)
    throw badInput(
      "These intervals would be shorter than a microsecond. Ask for fewer, or widen the window.",
      at,
    );
  return Array.from({ length: count + 1 }, (_, i) =>
    dateTimeOf(from + part(to - from, i, count)),
  );
}

/** The ends of intervals of one length; the last one is cut. */
export function regularEdges(
  { from, to }: Window,
  micros: number,
  admit: Admit,
): string[] {
  const count = Math.max(Math.ceil((to - from) / micros), 1);
  admit(count, "interval");
  return Array.from({ length: count + 1 }, (_, i) =>
    dateTimeOf(Math.min(from + i * micros, to)),
  );
}

export function durationFrom(interval: string): Duration {
  const duration = parseDuration(interval);
  if (duration && duration.months + duration.days + duration.micros > 0)
    return duration;
  throw badInput(
    'This is no ISO 8601 duration of a microsecond or more. Write one like "PT15M".',
    "interval",
  );
}

function fixedFrom(interval: string): number {
  const { months, days, micros } = durationFrom(interval);
  if (months === 0 && days === 0) return micros;
  throw badInput(
    "Days and months have no fixed length. Write hours, e.g. PT24H.",
    "interval",
  );
}

export function assertRows(
  count: number,
  maxRows: number,
  at: string,
  next = "Ask for fewer or longer intervals, or for a part of the window.",
): void {
  if (count < 1) throw badInput("Ask for one row at least.", at);
  if (count > maxRows)
    throw limitExceeded("rows a read", maxRows, count, next, at);
}

/** `of` * `i` / `parts`, down to the microsecond; the product can be too large for a number. */
function part(of: Micros, i: number, parts: number): Micros {
  const rest = of % parts;
  return ((of - rest) / parts) * i + Math.floor((rest * i) / parts);
}

/** As the text of an array: the driver would look at each for what is to be escaped. */
export const arrayOf = (times: readonly string[]): string =>
  `{${times.join(",")}}`;

/** From the first to the last of some times, whose texts are ordered as they are: all have the form of the graph. */
export const spanOf = (times: readonly string[]) => ({
  from: times.reduce((a, b) => (a < b ? a : b)),
  to: times.reduce((a, b) => (a > b ? a : b)),
});
