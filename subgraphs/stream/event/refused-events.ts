import { dateTimeOf } from "../../../common/date-time.ts";
import { conflict } from "../../../common/errors.ts";
import type { EventKey, Refused, Removal } from "./asked.ts";

interface Refusal {
  readonly because: Refused["because"] | "nothing to remove";
  readonly events: readonly EventKey[];
}

const refusals: Record<Refusal["because"], string> = {
  "already there":
    "there is an event at this time already. Write it with UPSERT, or leave it out.",
  missing:
    "there is no event at this time. Write it with UPSERT or INSERT, or leave it out.",
  "too old":
    "the stream keeps events for a time, and this one is older. Leave it out, or lengthen the stream's retention.",
  "nothing to remove": "there is no event at this time. Leave it out.",
};

/** What an error calls an event: a row of one of the call's streams. */
export type NameOf = (
  stream: number,
  row: number,
) => { readonly name: string; readonly at: string };

export const nameInInput =
  (streams: readonly { readonly id: string }[]): NameOf =>
  (stream, row) => ({
    name: `Stream ${streams[stream]?.id}, event ${row}`,
    at: `input.streams.${stream}.timestamps.${row}`,
  });

/** Names the first, in the order of the call, of the events that the mode does not take. */
export function refusal(
  { because, events }: Refusal,
  part: readonly Pick<Removal, "streamRowId" | "timestamps">[],
  nameOf: NameOf,
): Error {
  const refused = new Map<number, Set<number>>();
  for (const { streamRowId, timestamp } of events) {
    const times = refused.get(streamRowId) ?? new Set();
    refused.set(streamRowId, times.add(timestamp));
  }
  for (const [i, { streamRowId, timestamps }] of part.entries()) {
    const times = refused.get(streamRowId);
    const row =
      timestamps?.findIndex((timestamp) => times?.has(timestamp)) ?? -1;
    if (row < 0) continue;
    const { name, at } = nameOf(i, row);
    const time = dateTimeOf(timestamps?.[row] ?? 0);
    return conflict(`${name} (${time}): ${refusals[because]}`, at);
  }
  throw new Error("An event is refused that the call does not name.");
}
