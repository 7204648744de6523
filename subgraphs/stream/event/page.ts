import { createHash } from "node:crypto";
import { dateTimeOf, parseMicros } from "../../../common/date-time.ts";
import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { EventPageArgs } from "./asked.ts";
import { windowFrom } from "./times.ts";

/**
 * One page of a stream's events: which stretch of time is read, both ends included, and where its cursor stands.
 * A cursor is bound to stream, window, boundary, filter and direction, and holds a position, never a permission.
 */
export class EventPage {
  readonly size: number;
  readonly reversed: boolean;
  readonly from: string;
  readonly to: string;
  /** Whether one event beyond each end belongs to the window. */
  readonly reachesOut: boolean;
  /** Whether an event is computed at an end that has none. */
  readonly isCalculated: boolean;
  /** Narrows the stretch to what comes after the cursor. */
  readonly notBefore: string = "-infinity";
  readonly notAfter: string = "infinity";
  private readonly read: readonly unknown[];

  constructor(
    streamId: string,
    { window, boundary, filter, reversed, first, after }: EventPageArgs,
    maxRows: number,
  ) {
    const { from, to } = windowFrom(window);
    // An open end is a closed one a microsecond further in: there is no time between.
    const inset = boundary === "INSIDE" ? 1 : 0;
    if (from + inset > to - inset)
      throw badInput(
        "No time lies inside this window. Widen it, or use the boundary EXACT.",
        "window",
      );
    if (first < 0)
      throw badInput("A page has no negative size. Give 0 or more.", "first");
    if (first > maxRows)
      throw limitExceeded(
        "events a page",
        maxRows,
        first,
        "Go on with the cursor.",
        "first",
      );
    this.size = first;
    this.reversed = reversed;
    this.from = dateTimeOf(from + inset);
    this.to = dateTimeOf(to - inset);
    this.reachesOut = boundary === "OUTSIDE";
    this.isCalculated = boundary === "EXACT_OR_CALCULATED";
    this.read = [streamId, from, to, boundary, filter ?? null, reversed];
    if (after == null) return;
    const position = this.position(after);
    if (reversed) this.notAfter = dateTimeOf(position - 1);
    else this.notBefore = dateTimeOf(position + 1);
  }

  /** The cursor that goes on behind an event. */
  cursor(timestamp: string): string {
    const digest = createHash("sha256")
      .update(JSON.stringify([...this.read, timestamp]))
      .digest("base64url")
      .slice(0, 11);
    return Buffer.from(`${timestamp} ${digest}`).toString("base64url");
  }

  private position(cursor: string): number {
    const [timestamp = ""] = Buffer.from(cursor, "base64url")
      .toString()
      .split(" ");
    const position = parseMicros(timestamp);
    if (position === null || this.cursor(timestamp) !== cursor)
      throw badInput(
        "This cursor belongs to another read, or was altered. Take the endCursor of this read, with the same stream, window, boundary, filter and direction, or start without one.",
        "after",
      );
    return position;
  }
}
