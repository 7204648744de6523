import { randomUUID } from "node:crypto";
import { StartError } from "../../common/config.ts";
import type { Knex } from "../../common/database.ts";
import { anonymous } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { storeEvents } from "../../subgraphs/stream/event/actions.ts";
import type { Target } from "../../subgraphs/stream/event/columns.ts";
import {
  batchesOf,
  type Batch,
} from "../../subgraphs/stream/event/ingest/batches.ts";
import {
  eventsOf,
  type FileEvents,
} from "../../subgraphs/stream/event/ingest/events.ts";
import { readAhead } from "../../subgraphs/stream/event/ingest/read-ahead.ts";
import type { WriteResult } from "../../subgraphs/stream/generated.ts";
import { CsvFile } from "./csv-file.ts";
import type { Progress } from "./progress.ts";
import { rowsOf, type DuplicateRule } from "./rows.ts";
import { targetsOf, type TargetOptions } from "./targets.ts";
import { TimestampReader } from "./timestamps.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

export interface ImportOptions extends TargetOptions {
  readonly path: string;
  /** Without it, all but the first. */
  readonly columns: readonly string[] | undefined;
  readonly ignored: readonly string[];
  readonly zone: string | undefined;
  readonly duplicates: DuplicateRule;
}

/** Writes a file's events as one identity, by the same actions as the graph, all of them or nothing. */
export async function importFile(
  db: Knex,
  identityId: string,
  options: ImportOptions,
  progress: Pick<Progress, "read" | "stored">,
): Promise<WriteResult> {
  const timestamps = new TimestampReader(options.zone);
  const file = await CsvFile.open(options.path);
  const names = columnsOf(file, options);
  const viewer = { ...anonymous, identityId };
  const call = { viewer, requestId: `import-${randomUUID()}` };
  return db.transaction(async (transaction) => {
    const context = createContext(transaction, unrecorded)(call);
    const streamIds = await targetsOf(names, options, context);
    const rows = rowsOf(file, names, timestamps, options.duplicates, progress);
    const batches = readAhead(batchesOf(rows, () => layout, limits));
    return storeEvents({ streamIds, mode }, context, async function* (targets) {
      assertOfOneProperty(names, targets);
      const targetOf = new Map(
        targets.map((target, i) => [names[i] ?? "", target]),
      );
      for await (const events of file.naming(eventsIn(batches, targetOf))) {
        const { progress: read } = file;
        yield events;
        progress.stored(read);
      }
    });
  });
}

async function* eventsIn(
  batches: AsyncGenerator<Batch>,
  targetOf: ReadonlyMap<string, Target>,
): AsyncGenerator<FileEvents[], undefined> {
  for await (const batch of batches) yield eventsOf(batch, targetOf, mode);
}

/** So that an import can be repeated. */
const mode = "UPSERT";
const layout = { timestamp: 0, stream: null };
/** Fewer cost the index more, more cost memory, and time in one statement. */
const limits = { cells: 500_000, bytes: 64 * 2 ** 20, streams: Infinity };

function columnsOf(
  file: CsvFile,
  { path, columns, ignored }: ImportOptions,
): string[] {
  const [, ...there] = file.columns;
  const unknown = [...(columns ?? []), ...ignored].find(
    (name) => !there.includes(name),
  );
  if (unknown !== undefined)
    throw new StartError(
      `${path}: there is no column "${unknown}" after the first. There is ${there.join(", ")}.`,
    );
  const wanted = there.filter(
    (name) => (columns?.includes(name) ?? true) && !ignored.includes(name),
  );
  if (wanted.length === 0)
    throw new StartError(
      `${path}: there is no column to import. The first holds the timestamps, each other one is a stream.`,
    );
  return wanted;
}

function assertOfOneProperty(
  names: readonly string[],
  targets: readonly Target[],
): void {
  const other = targets.findIndex(({ properties }) => properties.length !== 1);
  if (other >= 0)
    throw new StartError(
      `Stream ${names[other]} has several properties; a column has values for one. Write it by the graph's writeEvents, or by POST /ingest.`,
    );
}
