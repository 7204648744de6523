import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { SetStreamAccessInput } from "../generated.ts";

const maxStreams = 1000;

/** The streams of a call, no more than a call may name. */
export function streamIdsOf({
  streamIds,
}: SetStreamAccessInput): readonly string[] {
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

/** Where a stream stands in the arguments. */
export const placeOf = (i: number) => `input.streamIds.${i}`;
