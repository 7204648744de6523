import { parseDuration } from "../../../common/duration.ts";
import { badInput, limitExceeded } from "../../../common/errors.ts";
import { nameFrom } from "../../../common/text.ts";

export const maxNameLength = 500;
const maxTags = 50;
const maxTagLength = 100;
const maxMetadataBytes = 64 * 1024;
const maxMetadataDepth = 32;

/** Tags as they are stored: each once, in the order given. */
export function tagsFrom(tags: readonly string[], at: string): string[] {
  if (tags.length > maxTags)
    throw limitExceeded(
      "tags a stream",
      maxTags,
      tags.length,
      "Leave some out, or use metadata.",
      at,
    );
  return [
    ...new Set(tags.map((tag, i) => nameFrom(tag, `${at}.${i}`, maxTagLength))),
  ];
}

/** ISO 8601, of a microsecond or more. */
export function retentionFrom(
  retention: string | null | undefined,
  at: string,
): string | null {
  if (retention == null) return null;
  const duration = parseDuration(retention);
  if (!duration || duration.months + duration.days + duration.micros === 0)
    throw badInput(
      'This is no ISO 8601 duration of a microsecond or more. Write one like "P90D".',
      at,
    );
  return retention;
}

export function metadataFrom(value: unknown, at: string): string | null {
  if (value == null) return null;
  if (typeof value !== "object" || Array.isArray(value))
    throw badInput('Metadata is a JSON object, e.g. {"site": "North"}.', at);
  assertStorable(value, at, maxMetadataDepth);
  const json = JSON.stringify(value);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxMetadataBytes)
    throw limitExceeded(
      "bytes of metadata a stream",
      maxMetadataBytes,
      bytes,
      "Leave some out.",
      at,
    );
  return json;
}

/** PostgreSQL stores no NUL and no half of a character, and JSON.stringify ends on endless depth. */
function assertStorable(value: unknown, at: string, depth: number): void {
  if (typeof value === "string" && /\0|\p{Cs}/u.test(value))
    throw badInput("Metadata has a character that no text can hold.", at);
  // JSON has no other numbers; such a one would be stored as null.
  if (typeof value === "number" && !Number.isFinite(value))
    throw badInput(
      "Metadata has a number that is too large. Send a finite one.",
      at,
    );
  if (typeof value !== "object" || value === null) return;
  if (depth === 0)
    throw badInput(
      `Metadata is nested at most ${maxMetadataDepth} deep. Flatten it.`,
      at,
    );
  for (const [key, item] of Object.entries(value)) {
    assertStorable(key, at, 0);
    assertStorable(item, at, depth - 1);
  }
}

const maxStreams = 1000;

/** The streams of a call, no more than a call may name. */
export function streamIdsOf({
  streamIds,
}: {
  readonly streamIds: readonly string[];
}): readonly string[] {
  if (streamIds.length === 0)
    throw badInput("Name at least one stream.", "input.streamIds");
  if (streamIds.length > maxStreams)
    throw limitExceeded(
      "streams a call",
      maxStreams,
      streamIds.length,
      "Divide them among several calls.",
      "input.streamIds",
    );
  return streamIds;
}

/** Where a change stands in the arguments. */
export const placeOfChange = (i: number) => `input.streams.${i}`;

/** The changes of a call: of each stream one, and no more than a call may make. */
export function assertEachOnce({
  streams,
}: {
  readonly streams: readonly { readonly id: string }[];
}): void {
  if (streams.length === 0)
    throw badInput("Name at least one stream.", "input.streams");
  if (streams.length > maxStreams)
    throw limitExceeded(
      "streams a call",
      maxStreams,
      streams.length,
      "Divide them among several calls.",
      "input.streams",
    );
  const named = new Set<string>();
  for (const [i, { id }] of streams.entries()) {
    if (named.has(id))
      throw badInput(
        `Stream ${id} is named twice. Put its changes together.`,
        `${placeOfChange(i)}.id`,
      );
    named.add(id);
  }
}

/** Where a stream stands in the arguments. */
export const placeOf = (i: number) => `input.streamIds.${i}`;
