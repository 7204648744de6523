import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import { extract, Header, Parser, type ReadEntry } from "tar";
import { StartError } from "../../common/config.ts";
import type { BackupEntry } from "../../common/embedded-postgres/base-backup.ts";

/** What an archive says of itself, in its first file. */
export interface Manifest {
  readonly tributary: string;
  /** Its major version. */
  readonly postgres: string;
  readonly madeAt: string;
}

const manifestPath = "backup.json";
const blockBytes = 512;

/** Writes a tar archive, gzipped; it is there when it is whole, and readable by its owner alone. */
export async function writeArchive(
  path: string,
  manifest: Manifest,
  entries: AsyncIterable<BackupEntry>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  // A name that nobody foresees, for a file that nobody else has opened.
  const draft = `${path}.${randomUUID()}.part`;
  try {
    await pipeline(
      Readable.from(tarOf(manifest, entries, onBytes)),
      // At the pace of a disk; more saves little.
      createGzip({ level: constants.Z_BEST_SPEED }),
      createWriteStream(draft, { mode: 0o600, flags: "wx" }),
    );
    const file = await open(draft);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

async function* tarOf(
  manifest: Manifest,
  entries: AsyncIterable<BackupEntry>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  yield* fileOf(manifestPath, Buffer.from(JSON.stringify(manifest)));
  for await (const { path, content } of entries)
    if (content === "DIRECTORY") yield headerOf(`${path}/`, "Directory", 0);
    else if (Buffer.isBuffer(content)) yield* fileOf(path, content);
    else {
      yield headerOf(path, "File", content.size);
      for await (const piece of content.read()) {
        onBytes(piece.length);
        yield piece;
      }
      yield paddingOf(content.size);
    }
  yield Buffer.alloc(2 * blockBytes);
}

function* fileOf(path: string, content: Buffer): Generator<Buffer> {
  yield headerOf(path, "File", content.length);
  yield content;
  yield paddingOf(content.length);
}

function headerOf(
  path: string,
  type: "File" | "Directory",
  size: number,
): Buffer {
  const block = Buffer.alloc(blockBytes);
  const mode = type === "Directory" ? 0o700 : 0o600;
  const needsMore = new Header({ path, type, size, mode }).encode(block, 0);
  if (needsMore)
    throw new Error(`${path} is too long or large for an archive.`);
  return block;
}

const paddingOf = (size: number) =>
  Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);

export async function readManifest(path: string): Promise<Manifest> {
  const file = createReadStream(path);
  const parser = new Parser();
  try {
    const first = await new Promise<ReadEntry | undefined>((found, failed) => {
      file.once("error", failed).on("data", (piece) => parser.write(piece));
      file.once("end", () => parser.end());
      parser.once("entry", found).once("end", () => found(undefined));
    });
    if (first?.path === manifestPath)
      return (await json(Readable.from(first))) as Manifest;
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    file.destroy();
  }
  throw new StartError(
    `${path} is no backup of Tributary. Name a file that "npm run backup" wrote.`,
  );
}

/** Puts everything but what the archive says of itself into a directory. */
export async function unpack(path: string, directory: string): Promise<void> {
  try {
    await extract({
      file: path,
      cwd: directory,
      // What is torn or does not fit its checksum is an error, not a warning.
      strict: true,
      filter: (name, entry) =>
        name !== manifestPath &&
        "type" in entry &&
        (entry.type === "File" || entry.type === "Directory"),
    });
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, cause: unknown) =>
  new StartError(
    (cause as NodeJS.ErrnoException).code === "ENOENT"
      ? `There is no file ${path}.`
      : `${path} cannot be read to its end (${(cause as Error).message}). Take another copy of it, or an older backup; nothing was restored.`,
  );
