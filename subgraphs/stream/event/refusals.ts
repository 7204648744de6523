import { DomainError, badInput, forbidden } from "../../../common/errors.ts";
import { includes } from "../access/rights.ts";

export function assertReadable(rights: number, at?: string): void {
  if (!includes(rights, "READ")) throw unreadable(at);
}

export const tookTooLong = (milliseconds: number) =>
  new DomainError(
    "TIMEOUT",
    `A read may take ${milliseconds} ms, and this one takes longer. Ask for a part of the window, fewer streams, or coarser intervals.`,
    { limit: milliseconds },
  );

export const outOfRange = () =>
  badInput(
    "A number that is computed here is too large or too small for its kind. Ask for less of it: other kinds of summaries, shorter intervals, another filter.",
  );

export const unreadable = (at?: string) =>
  forbidden(
    "You may not read the events of this stream. Ask whoever manages its access list for READ.",
    at,
  );
