import { EnvironmentReader, type Environment } from "../../common/config.ts";
import { readSubgraphConfig } from "../../common/subgraph.ts";
import {
  longestMilliseconds,
  usualLimits,
  type ReadLimits,
} from "./event/limits.ts";

/** `READ_ROWS`, `READ_POINTS`, `READ_STREAMS`, `READ_MILLISECONDS`: what one read may ask for. */
export const readReadLimits = (reader: EnvironmentReader): ReadLimits => ({
  rows: reader.integer("READ_ROWS", usualLimits.rows, {
    min: 1,
    max: 1_000_000,
  }),
  points: reader.integer("READ_POINTS", usualLimits.points, {
    min: 1,
    max: 1_000_000_000,
  }),
  streams: reader.integer("READ_STREAMS", usualLimits.streams, {
    min: 1,
    max: 500,
  }),
  milliseconds: reader.integer("READ_MILLISECONDS", usualLimits.milliseconds, {
    min: 1,
    max: longestMilliseconds,
  }),
});

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  return reader.done({
    ...readSubgraphConfig(reader, "stream", 4003),
    readLimits: readReadLimits(reader),
  });
}
