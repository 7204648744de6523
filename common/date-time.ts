/** Microseconds since 1970-01-01T00:00:00Z; whole, and far below 2^53 for every year of the product. */
export type Micros = number;

const rfc3339 =
  /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)$/;

const end = Date.UTC(2201, 0) * 1000;

/** Whether it is within the years of the product. */
export const isInRange = (micros: Micros): boolean =>
  micros >= 0 && micros < end;

/**
 * An RFC 3339 timestamp, or null if the text is none. Years 1970 to 2200, as everywhere in the product. Leap seconds
 * are refused: PostgreSQL would move them.
 */
export function parseMicros(text: string): Micros | null {
  if (!rfc3339.test(text)) return null;
  const year = digitsAt(text, 0) * 100 + digitsAt(text, 2);
  const month = digitsAt(text, 5);
  const day = digitsAt(text, 8);
  const hour = digitsAt(text, 11);
  const minute = digitsAt(text, 14);
  const second = digitsAt(text, 17);
  const isUtc = "Zz".includes(text[text.length - 1] ?? "");
  const zone = text.length - (isUtc ? 1 : 6);
  const offsetHours = isUtc ? 0 : digitsAt(text, zone + 1);
  const offsetMinutes = isUtc ? 0 : digitsAt(text, zone + 4);
  const exists =
    day >= 1 &&
    day <= daysIn(year, month) &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    offsetHours < 24 &&
    offsetMinutes < 60;
  if (!exists) return null;
  const offset =
    (offsetHours * 60 + offsetMinutes) *
    (text[zone] === "-" ? -60_000 : 60_000);
  const utc = Date.UTC(year, month - 1, day, hour, minute, second) - offset;
  let micros = utc * 1000;
  for (let i = 20, unit = 100_000; i < zone; i += 1, unit /= 10)
    micros += (text.charCodeAt(i) - 48) * unit;
  return isInRange(micros) ? micros : null;
}

/** The number of two digits there; events are many, and this is faster than to match groups. */
const digitsAt = (text: string, place: number): number =>
  text.charCodeAt(place) * 10 + text.charCodeAt(place + 1) - 528;

const days = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** 0 for a month that does not exist. */
const daysIn = (year: number, month: number): number =>
  month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
    ? 29
    : (days[month] ?? 0);

/** As the graph writes it: `2026-01-31T08:00:00.5+00:00`. */
export function dateTimeOf(micros: Micros): string {
  const seconds = Math.floor(micros / 1_000_000);
  const rest = micros - seconds * 1_000_000;
  const fraction =
    rest === 0 ? "" : `.${String(rest).padStart(6, "0").replace(/0+$/, "")}`;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction}+00:00`;
}

/** A timestamp as `dateTimeOf` writes it, or null if the text is none. */
export function parseDateTime(text: string): string | null {
  const micros = parseMicros(text);
  return micros === null ? null : dateTimeOf(micros);
}

/** Of what is known to be a timestamp: an argument that was checked, or what the database answers. */
export function microsOf(dateTime: string): Micros {
  const micros = parseMicros(dateTime);
  if (micros === null) throw new Error(`${dateTime} is no timestamp.`);
  return micros;
}
