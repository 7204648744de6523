import { parseDateTime } from "../../../common/scalars.ts";

/** Microseconds since 1970-01-01T00:00:00Z; a whole number far below 2^53 for every year of the product. */
export type Micros = number;

/** Null if the text is no DateTime of the graph. */
export function parseMicros(text: string): Micros | null {
  const dateTime = parseDateTime(text);
  return dateTime === null ? null : microsOf(dateTime);
}

/** Of a DateTime as the graph writes it, in UTC. */
export function microsOf(dateTime: string): Micros {
  const seconds = Date.parse(`${dateTime.slice(0, 19)}Z`) / 1000;
  const fraction = dateTime.slice(20, dateTime.indexOf("+"));
  return seconds * 1_000_000 + Number(fraction.padEnd(6, "0"));
}

/** The DateTime as the graph writes it. */
export function dateTimeOf(micros: Micros): string {
  const seconds = Math.floor(micros / 1_000_000);
  const rest = micros - seconds * 1_000_000;
  const fraction =
    rest === 0 ? "" : `.${String(rest).padStart(6, "0").replace(/0+$/, "")}`;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction}+00:00`;
}
