/** A length of time: of months and days, which a calendar measures, and of microseconds. */
export interface Duration {
  readonly months: number;
  readonly days: number;
  readonly micros: number;
}

const iso8601 =
  /^P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?)?$/;

/** An ISO 8601 duration of at most 1,000 years, or null if the text is none. */
export function parseDuration(text: string): Duration | null {
  const match = text.length <= 60 ? iso8601.exec(text) : null;
  if (!match) return null;
  const [years, months, weeks, days, hours, minutes, seconds] = match
    .slice(1, 8)
    .map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const duration = {
    months: years * 12 + months,
    days: weeks * 7 + days,
    micros:
      (hours * 3600 + minutes * 60 + seconds) * 1_000_000 +
      Number((match[8] ?? "").padEnd(6, "0")),
  };
  const isBounded =
    duration.months <= 12_000 &&
    duration.days <= 366_000 &&
    duration.micros <= 366_000 * 86_400_000_000;
  return isBounded ? duration : null;
}
