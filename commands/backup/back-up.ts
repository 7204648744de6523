import { access, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "../../common/config.ts";
import { connect, isReachable } from "../../common/database.ts";
import {
  baseBackup,
  type BackupEntry,
} from "../../common/embedded-postgres/base-backup.ts";
import { clusterVersion } from "../../common/embedded-postgres/cluster.ts";
import { lastUrl } from "../../common/embedded-postgres/running.ts";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import { Progress } from "../progress.ts";
import { writeArchive } from "./archive.ts";
import { megabytes } from "./megabytes.ts";

/** Writes what is in an installation's data directory into a file; answers how many bytes that has. */
export async function backUp(
  home: string,
  path: string,
  out: NodeJS.WriteStream,
): Promise<number> {
  const postgres = await clusterVersion(join(home, "postgres"));
  if (postgres === undefined)
    throw new StartError(
      `There is no installation in ${home}. Name its data directory by TRIBUTARY_DATA.`,
    );
  if (await exists(path))
    throw new StartError(`${path} is there already. Name another file.`);

  const progress = new Progress(
    out,
    (bytes) => `${megabytes(bytes)} of the database read`,
    await sizeOf(join(home, "postgres")),
  );
  await withPostgres(join(home, "postgres"), async (superuserUrl) =>
    writeArchive(
      path,
      {
        tributary: await versionHere(),
        postgres,
        madeAt: new Date().toISOString(),
      },
      contentOf(home, superuserUrl),
      (bytes) => progress.step(bytes),
    ),
  ).finally(() => progress.end());
  return (await stat(path)).size;
}

/** With the one that runs; where none does, with one that is started for it. */
async function withPostgres(
  directory: string,
  work: (superuserUrl: string) => Promise<void>,
): Promise<void> {
  const last = await lastUrl(directory, "superuser");
  if (last !== undefined && (await answers(last))) return work(last);
  const started = await startEmbeddedPostgres({
    directory,
    log: createLogger("backup", "warn"),
  });
  try {
    await work((await lastUrl(directory, "superuser")) ?? "");
  } finally {
    await started.stop();
  }
}

async function answers(url: string): Promise<boolean> {
  const db = connect(url, { name: "backup", poolSize: 1 });
  return isReachable(db).finally(() => db.destroy());
}

/** The database first: the keys are there before anything that they sign. */
async function* contentOf(
  home: string,
  superuserUrl: string,
): AsyncGenerator<BackupEntry> {
  yield { path: "postgres", content: "DIRECTORY" };
  for await (const { path, content } of baseBackup(
    join(home, "postgres"),
    superuserUrl,
  ))
    yield { path: `postgres/${path}`, content };
  for (const entry of await readdir(home, { withFileTypes: true }))
    if (entry.isFile() && entry.name.endsWith(".json"))
      yield {
        path: entry.name,
        content: await readFile(join(home, entry.name)),
      };
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, {
    recursive: true,
    withFileTypes: true,
  });
  const sizes = await Promise.all(
    entries.map((entry) =>
      entry.isFile()
        ? stat(join(entry.parentPath, entry.name)).then(
            ({ size }) => size,
            () => 0,
          )
        : 0,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function versionHere(): Promise<string> {
  const path = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(await readFile(path, "utf8")) as {
    version: string;
  };
  return version;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
