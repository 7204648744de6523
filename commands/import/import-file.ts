import { randomUUID } from "node:crypto";
import { StartError } from "../../common/config.ts";
import type { Knex } from "../../common/database.ts";
import { anonymous } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { storeEvents } from "../../subgraphs/stream/event/actions.ts";
import type {
  EventColumns,
  Target,
} from "../../subgraphs/stream/event/columns.ts";
import type { WriteResult } from "../../subgraphs/stream/generated.ts";
import { CsvFile } from "./csv-file.ts";
import { partsOf, type Column, type DuplicateRule } from "./parts.ts";
import type { Progress } from "./progress.ts";
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
    const parts = (targets: readonly Target[]) =>
      partsOf(
        file,
        names.map((name, i) => columnOf(name, file, targets[i])),
        timestamps,
        options.duplicates,
        (rowCount) => progress.read(rowCount, file.progress),
      );
    return storeEvents(streamIds, "UPSERT", context, async function* (targets) {
      for await (const part of readAhead(parts(targets))) {
        const { progress: read } = file;
        yield part;
        progress.stored(read);
      }
    });
  });
}

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

function columnOf(
  name: string,
  file: CsvFile,
  target: Target | undefined,
): Column {
  const [property, another] = target?.properties ?? [];
  if (!target || !property || another)
    throw new StartError(
      `Stream ${name} has several properties; a column has values for one. Write it by the graph's writeEvents.`,
    );
  return {
    name,
    place: file.columns.indexOf(name),
    tenantRowId: target.tenantRowId,
    streamRowId: target.rowId,
    property,
  };
}

/** Lets the next part be read while one is written. */
async function* readAhead(
  parts: AsyncGenerator<EventColumns[]>,
): AsyncGenerator<EventColumns[]> {
  try {
    let next = parts.next();
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = parts.next();
      // Its failure is met when its turn comes.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await parts.return(undefined);
  }
}
