import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  dateTimeOf,
  microsOf,
  parseDateTime,
  parseMicros,
} from "../../common/date-time.ts";

const last = microsOf("2200-12-31T23:59:59.999999+00:00");

test("every microsecond from 1970 to 2200 is read as it is written", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: last }), (micros) => {
      expect(parseMicros(dateTimeOf(micros))).toBe(micros);
      expect(Math.floor(micros / 1000)).toBe(
        Date.parse(dateTimeOf(micros).replace(/(\.\d{3})\d*/, "$1")),
      );
    }),
  );
});

test.each([
  ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00+00:00"],
  ["2026-01-31t08:00:00.50z", "2026-01-31T08:00:00.5+00:00"],
  ["2026-01-31 08:00:00.000001+02:00", "2026-01-31T06:00:00.000001+00:00"],
  ["2026-01-31T08:00:00-05:30", "2026-01-31T13:30:00+00:00"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"],
  ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00+00:00"],
  ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"],
  ["2201-01-01T00:30:00+01:00", "2200-12-31T23:30:00+00:00"],
])("%s is %s", (text, dateTime) => {
  expect(parseDateTime(text)).toBe(dateTime);
});

test.each([
  "",
  "now",
  "2026-01-31",
  "2026-01-31T08:00:00",
  "2026-1-31T08:00:00Z",
  "2026-02-29T00:00:00Z",
  "2100-02-29T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-00T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T00:60:00Z",
  "2026-06-30T23:59:60Z",
  "2026-01-01T00:00:00.0000001Z",
  "2026-01-01T00:00:00+24:00",
  "2026-01-01T00:00:00+00:60",
  "1970-01-01T00:00:00+00:01",
  "2201-01-01T00:00:00Z",
  "infinity",
  " 2026-01-01T00:00:00Z",
])("%j is no timestamp", (text) => {
  expect(parseDateTime(text)).toBeNull();
});
