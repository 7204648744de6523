import { createHash } from "node:crypto";
import {
  dateTimeOf,
  microsOf,
  parseMicros,
} from "../../../common/date-time.ts";
import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { Boundary } from "../generated.ts";

export interface EventPageArgs {
  readonly window: { readonly from: string; readonly to: string };
  readonly boundary: Boundary;
  readonly reversed: boolean;
  readonly first: number;
  readonly after?: string | null;
}

/** What of a table is asked for, and nothing else is built. */
export interface TableRequest {
  readonly timestamps: boolean;
  readonly endCursor: boolean;
  /** The names of their properties. */
  readonly columns: ReadonlySet<string>;
}

const maxPageSize = 100_000;

/**
 * One page of a stream's events: which stretch of time is read, both ends included, and where its cursor stands.
 * A cursor is bound to stream, window, boundary and direction, and holds a position, never a permission.
 */
export class EventPage {
  readonly size: number;
  readonly reversed: boolean;
  readonly from: string;
  readonly to: string;
  /** Whether one event beyond each end belongs to the window. */
  readonly reachesOut: boolean;
  /** Narrows the stretch to what comes after the cursor. */
  readonly notBefore: string = "-infinity";
  readonly notAfter: string = "infinity";
  private readonly read: readonly unknown[];

  constructor(
    streamId: string,
    { window, boundary, reversed, first, after }: EventPageArgs,
  ) {
    const from = microsOf(window.from);
    const to = microsOf(window.to);
    // An open end is a closed one a microsecond further in: there is no time between.
    const inset = boundary === "INSIDE" ? 1 : 0;
    if (from + inset > to - inset)
      throw badInput(
        inset === 0
          ? "This window ends before it begins. Exchange from and to."
          : "No time lies inside this window. Widen it, or use the boundary EXACT.",
        "window",
      );
    if (first < 0) throw badInput("A page has no negative size.", "first");
    if (first > maxPageSize)
      throw limitExceeded(
        "events a page",
        maxPageSize,
        first,
        "Go on with the cursor.",
        "first",
      );
    this.size = first;
    this.reversed = reversed;
    this.from = dateTimeOf(from + inset);
    this.to = dateTimeOf(to - inset);
    this.reachesOut = boundary === "OUTSIDE";
    this.read = [streamId, from, to, boundary, reversed];
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
        "This cursor belongs to another read, or was altered. Take the endCursor of this read, with the same stream, window, boundary and direction, or start without one.",
        "after",
      );
    return position;
  }
}
