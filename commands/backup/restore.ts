import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "../../common/config.ts";
import {
  embeddedVersion,
  startEmbeddedPostgres,
} from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import { readManifest, unpack, type Manifest } from "./archive.ts";

const stagingPrefix = ".restore-";

/** Puts what a backup holds into an installation's data directory, which has to be empty: all of it, or nothing. */
export async function restore(
  file: string,
  home: string,
  onStep: (step: string) => void,
): Promise<Manifest> {
  const manifest = await readManifest(file);
  await assertEmpty(home);
  await mkdir(home, { recursive: true });
  const staging = await mkdtemp(join(home, stagingPrefix));
  try {
    // PostgreSQL's account has to pass through it.
    await chmod(staging, 0o755);
    const postgres = join(staging, "postgres");
    assertSameMajor(file, manifest, await embeddedVersion(postgres));
    onStep(`Unpacking ${file}.`);
    await unpack(file, staging);
    onStep("Starting its database once, which mends it from its log.");
    await (
      await startEmbeddedPostgres({
        directory: postgres,
        log: createLogger("restore", "warn"),
      })
    ).stop();
    await moveInto(home, staging);
  } finally {
    // Retried, for what was being unpacked as it failed is still written.
    await rm(staging, { recursive: true, force: true, maxRetries: 10 });
  }
  return manifest;
}

/** What a restoration that was cut short has left does not count. */
async function assertEmpty(home: string): Promise<void> {
  const entries = await readdir(home).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const entry of entries) {
    if (!entry.startsWith(stagingPrefix))
      throw new StartError(
        `${home} is not empty, and nothing in it is overwritten. Move it away, or name another directory by TRIBUTARY_DATA.`,
      );
    await rm(join(home, entry), { recursive: true });
  }
}

function assertSameMajor(
  file: string,
  { postgres, tributary }: Manifest,
  major: string,
): void {
  if (postgres !== major)
    throw new StartError(
      `${file} holds a database of PostgreSQL ${postgres}, and this Tributary brings PostgreSQL ${major}, which cannot read it. ` +
        `Restore it with Tributary ${tributary}, which made it; from there pg_dump of PostgreSQL ${postgres} moves it to a PostgreSQL of your own (docs/backup.md).`,
    );
}

/** The database comes first: without its passwords, which come after it, nothing starts on half of an installation. */
async function moveInto(home: string, staging: string): Promise<void> {
  await rename(join(staging, "postgres"), join(home, "postgres"));
  for (const name of await readdir(staging))
    await rename(join(staging, name), join(home, name));
}
