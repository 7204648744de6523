import { EnvironmentReader, type Environment } from "../../common/config.ts";
import { readSubgraphConfig } from "../../common/subgraph.ts";
import { usualIngestLimits, type IngestLimits } from "./event/ingest/limits.ts";
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
    max: 1_000,
  }),
  milliseconds: reader.integer("READ_MILLISECONDS", usualLimits.milliseconds, {
    min: 1,
    max: longestMilliseconds,
  }),
});

/** `READ_FILES`: how many files an identity may download at a time, from a process. */
export const readFilesPerIdentity = (reader: EnvironmentReader): number =>
  reader.integer("READ_FILES", 8, { min: 1, max: 1_000 });

/** `INGEST_…`: what uploads of events may take. */
export const readIngestLimits = (reader: EnvironmentReader): IngestLimits => ({
  batchCells: reader.integer(
    "INGEST_BATCH_CELLS",
    usualIngestLimits.batchCells,
    {
      min: 1,
      max: 1_000_000,
    },
  ),
  bytes: reader.integer("INGEST_BYTES", usualIngestLimits.bytes, {
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
  }),
  perTenant: reader.integer("INGEST_PER_TENANT", usualIngestLimits.perTenant, {
    min: 1,
    max: 1_000,
  }),
  atOnce: reader.integer("INGEST_AT_ONCE", usualIngestLimits.atOnce, {
    min: 1,
    max: 1_000,
  }),
  idleMs: reader.integer("INGEST_IDLE_MS", usualIngestLimits.idleMs, {
    min: 100,
    max: 3_600_000,
  }),
  batchMs: reader.integer("INGEST_BATCH_MS", usualIngestLimits.batchMs, {
    min: 100,
    max: 86_400_000,
  }),
  yieldMs: reader.integer("INGEST_YIELD_MS", usualIngestLimits.yieldMs, {
    min: 100,
    max: 86_400_000,
  }),
});

/** `READS_KEPT_DAYS`: for how long it is told who read what, each read by itself. */
export const readReadsKeptDays = (reader: EnvironmentReader): number =>
  reader.integer("READS_KEPT_DAYS", 400, { min: 31, max: 36_500 });

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  return reader.done({
    ...readSubgraphConfig(reader, "stream", 4003),
    readLimits: readReadLimits(reader),
    filesPerIdentity: readFilesPerIdentity(reader),
    readsKeptDays: readReadsKeptDays(reader),
    ingestLimits: readIngestLimits(reader),
  });
}
