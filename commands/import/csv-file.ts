import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { StartError } from "../../common/config.ts";
import { CsvFault, recordsOf, type CsvRow } from "./csv-records.ts";

/**
 * A CSV file in UTF-8, plain or gzipped. Its first row names the columns, every other has as many cells; anything else
 * is a fault that names file and line.
 */
export class CsvFile {
  private constructor(
    private readonly path: string,
    readonly columns: readonly string[],
    private readonly first: readonly CsvRow[],
    private readonly rest: AsyncGenerator<CsvRow[], undefined>,
    private readonly source: ReadStream,
    private readonly size: number,
  ) {}

  static async open(path: string): Promise<CsvFile> {
    const { size, isGzipped } = await inspect(path);
    const source = createReadStream(path);
    const rows = rowsOf(path, source, isGzipped);
    const [header, ...first] = (await rows.next()).value ?? [];
    if (!header) throw fault(path, "the file is empty.");
    const columns = header.cells.map((name) => name.trim());
    for (const [i, name] of columns.entries())
      if (name === "" || /\p{Cc}/u.test(name) || columns.indexOf(name) < i)
        throw fault(
          path,
          `column ${i + 1} of the first row is no name of its own: ${JSON.stringify(name)}. Is this a CSV file with a header?`,
        );
    return new CsvFile(path, columns, first, rows, source, size);
  }

  /** What follows the header, some rows at a time. */
  async *rows(): AsyncGenerator<readonly CsvRow[]> {
    yield this.checked(this.first);
    for await (const rows of this.rest) yield this.checked(rows);
  }

  private checked(rows: readonly CsvRow[]): readonly CsvRow[] {
    for (const { line, cells } of rows)
      if (cells.length !== this.columns.length)
        throw this.fault(
          line,
          `${cells.length} cells for ${this.columns.length} columns.`,
        );
    return rows;
  }

  /** How much of the file was read, from 0 to 1. */
  get progress(): number {
    return this.source.bytesRead / this.size;
  }

  fault(line: number, message: string): StartError {
    return fault(`${this.path}, line ${line}`, message);
  }
}

const fault = (place: string, message: string) =>
  new StartError(`${place}: ${message}`);

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
    throw fault(path, `the file cannot be read: ${(error as Error).message}.`);
  }
}

async function* rowsOf(
  path: string,
  source: ReadStream,
  isGzipped: boolean,
): AsyncGenerator<CsvRow[], undefined> {
  // A source that fails ends the unzipping with the same error.
  const bytes = isGzipped
    ? pipeline(source, createGunzip(), () => undefined)
    : source;
  try {
    yield* recordsOf(utf8(bytes));
  } catch (error) {
    const place =
      error instanceof CsvFault ? `${path}, line ${error.line}` : path;
    throw fault(place, (error as Error).message);
  }
}

/** Text without a byte order mark; an error where it is none. */
async function* utf8(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of bytes)
    yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
