import { open, readdir, readFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";

/** A directory, or a file with so many bytes of content. */
export interface BackupEntry {
  /** Below the directory of the cluster, with "/" between. */
  readonly path: string;
  readonly content: "DIRECTORY" | Buffer | FileContent;
}

export interface FileContent {
  readonly size: number;
  /** Exactly `size` bytes. */
  read(): AsyncGenerator<Buffer>;
}

/**
 * The files of a running cluster, from which PostgreSQL comes up as it was when the last of them was read. They are read
 * while they change; what is torn in them is mended from the log, whose files since the beginning come last.
 * `superuserUrl` leads to any of its databases. Abandoned on the way, it leaves nothing behind.
 */
export async function* baseBackup(
  directory: string,
  superuserUrl: string,
): AsyncGenerator<BackupEntry> {
  const client = new Client(superuserUrl);
  // What cuts the connection is told by the statement that comes next.
  client.on("error", () => undefined);
  await client.connect();
  try {
    // Keeps the log from being recycled; it goes with this connection.
    await client.query(
      "select pg_create_physical_replication_slot($1, true, true)",
      [`backup_${process.pid}`],
    );
    const first = await answerOf<{ log: string }>(
      client,
      "select pg_walfile_name(pg_backup_start('tributary', true)) as log",
    );
    yield* entriesBelow(directory, "");
    const last = await answerOf<{ label: string; log: string }>(
      client,
      "select labelfile as label, pg_walfile_name(lsn) as log from pg_backup_stop(false)",
    );
    // From it PostgreSQL knows where in the log to begin.
    yield { path: "backup_label", content: Buffer.from(last.label) };
    const logs = await readdir(join(directory, "pg_wal"));
    for (const log of logs.sort())
      if (/^[\dA-F]{24}$/.test(log) && log >= first.log && log <= last.log)
        yield* fileAt(directory, `pg_wal/${log}`);
  } finally {
    await client.end();
  }
}

async function answerOf<Row extends object>(
  client: Client,
  statement: string,
): Promise<Row> {
  const { rows } = await client.query<Row>(statement);
  const [row] = rows;
  if (row === undefined) throw new Error(`No answer to: ${statement}`);
  return row;
}

/** Made anew by each start; of the log, what is needed comes at the end. */
const emptied = new Set([
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
  "pg_wal",
]);

/** Of the server that runs, and of its statements. */
const passing =
  /^(postmaster\.(pid|opts)|pgsql_tmp.*|pg_internal\.init.*|t\d+_\d+.*)$/;

async function* entriesBelow(
  directory: string,
  below: string,
): AsyncGenerator<BackupEntry> {
  const entries = await readdir(join(directory, below), {
    withFileTypes: true,
  });
  for (const entry of entries) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (passing.test(entry.name)) continue;
    if (entry.isDirectory()) {
      yield { path, content: "DIRECTORY" };
      if (!emptied.has(path)) yield* entriesBelow(directory, path);
    } else if (path === "global/pg_control")
      yield { path, content: await controlFile(join(directory, path)) };
    else yield* fileAt(directory, path);
  }
}

/** Nothing mends this one: it is read until it has stood still. */
async function controlFile(path: string): Promise<Buffer> {
  let content = await readFile(path);
  for (;;) {
    const again = await readFile(path);
    if (again.equals(content)) return content;
    content = again;
  }
}

/** Nothing, where the file was removed meanwhile: the log knows of it. */
async function* fileAt(
  directory: string,
  path: string,
): AsyncGenerator<BackupEntry> {
  let file: FileHandle;
  try {
    file = await open(join(directory, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    const { size } = await file.stat();
    yield { path, content: { size, read: () => bytesOf(file, size) } };
  } finally {
    await file.close();
  }
}

const pieceBytes = 1024 * 1024;

/** As many as were there at first: zeros for what was cut off meanwhile; the log knows of what was added. */
async function* bytesOf(
  file: FileHandle,
  size: number,
): AsyncGenerator<Buffer> {
  for (let position = 0; position < size;) {
    const piece = Buffer.alloc(Math.min(pieceBytes, size - position));
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    yield bytesRead > 0 ? piece.subarray(0, bytesRead) : piece;
    position += bytesRead > 0 ? bytesRead : piece.length;
  }
}
