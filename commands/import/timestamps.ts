import { StartError } from "../../common/config.ts";
import { parseMicros, type Micros } from "../../common/date-time.ts";

/** Reads a file's timestamps: RFC 3339, or without an offset as the clocks of a zone show it. */
export class TimestampReader {
  private readonly clock: Intl.DateTimeFormat | null;
  /** By quarter of an hour: clocks change at no other times. */
  private readonly offsets = new Map<number, number>();

  constructor(zone: string | undefined) {
    try {
      this.clock =
        zone === undefined
          ? null
          : new Intl.DateTimeFormat("en-US", {
              timeZone: zone,
              hourCycle: "h23",
              year: "numeric",
              month: "numeric",
              day: "numeric",
              hour: "numeric",
              minute: "numeric",
              second: "numeric",
            });
    } catch {
      throw new StartError(
        `There is no time zone ${zone}. Name one as in "Europe/Berlin", or UTC.`,
      );
    }
  }

  /** The time, or why the text is none. Of an hour that the clocks show twice the first one is meant. */
  read(text: string): Micros | string {
    const time = parseMicros(text);
    if (time !== null) return time;
    const shown = parseMicros(`${text}Z`);
    if (shown === null)
      return 'no timestamp; write one as "2026-01-31T08:00:00.5Z", from 1970 to 2200';
    if (this.clock === null)
      return 'a timestamp without a zone; name the zone of its clock, e.g. "--zone Europe/Berlin"';
    const possible = [-day, day]
      .map((aside) => shown - this.offsetAt(shown + aside))
      .filter((time) => time + this.offsetAt(time) === shown);
    return possible.length > 0
      ? Math.min(...possible)
      : "a time that the clocks of the zone skip";
  }

  /** How far the zone's clocks are ahead of UTC. */
  private offsetAt(time: Micros): Micros {
    const quarter = Math.floor(time / quarterHour);
    const known = this.offsets.get(quarter);
    if (known !== undefined) return known;
    if (this.offsets.size > 10_000) this.offsets.clear();
    const offset = this.shownAt(quarter * quarterHour) - quarter * quarterHour;
    this.offsets.set(quarter, offset);
    return offset;
  }

  private shownAt(time: Micros): Micros {
    const parts = Object.fromEntries(
      (this.clock?.formatToParts(time / 1000) ?? []).map(({ type, value }) => [
        type,
        Number(value),
      ]),
    );
    const { year = 0, month = 0, day = 0, hour, minute, second } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) * 1000;
  }
}

const quarterHour: Micros = 900_000_000;
const day = 96 * quarterHour;
