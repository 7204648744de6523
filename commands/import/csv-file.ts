import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { StartError } from "../../common/config.ts";
import { csv, type CsvRows } from "../../subgraphs/stream/event/ingest/csv.ts";

/** A CSV file, plain or gzipped. A fault in it names the file. */
export class CsvFile {
  private constructor(
    private readonly path: string,
    private readonly first: CsvRows,
    private readonly rest: AsyncGenerator<CsvRows, undefined>,
    private readonly source: ReadStream,
    private readonly size: number,
  ) {}

  static async open(path: string): Promise<CsvFile> {
    const { size, isGzipped } = await inspect(path);
    const source = createReadStream(path);
    // A source that fails ends the unzipping with the same error.
    const bytes = isGzipped
      ? pipeline(source, createGunzip(), () => undefined)
      : source;
    const rows = namingFile(path, csv(bytes));
    const { value: first } = await rows.next();
    if (!first) throw new StartError(`${path}: the file is empty.`);
    return new CsvFile(path, first, rows, source, size);
  }

  get columns(): readonly string[] {
    return this.first.columns;
  }

  /** What follows the header, some rows at a time. */
  async *rows(): AsyncGenerator<CsvRows> {
    yield this.first;
    yield* this.rest;
  }

  /** How much of the file was read, from 0 to 1. */
  get progress(): number {
    return this.source.bytesRead / this.size;
  }

  /** What is made of the file's rows, with faults that name the file. */
  naming<T>(items: AsyncGenerator<T, undefined>): AsyncGenerator<T, undefined> {
    return namingFile(this.path, items);
  }
}

async function* namingFile<T>(
  path: string,
  items: AsyncGenerator<T, undefined>,
): AsyncGenerator<T, undefined> {
  try {
    yield* items;
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { message } = error as Error;
    const place = message.startsWith("line") ? `${path}, ` : `${path}: `;
    throw new StartError(`${place}${message}`, { cause: error });
  }
}

async function inspect(
  path: string,
): Promise<{ size: number; isGzipped: boolean }> {
  try {
    const { size } = await stat(path);
    const file = await open(path);
    try {
      const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return { size, isGzipped: buffer.readUInt16BE() === 0x1f8b };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new StartError(
      `${path}: the file cannot be read: ${(error as Error).message}.`,
    );
  }
}
