import { nameReader, type Layout } from "./layout.ts";
import type { Rows } from "./rows.ts";

/** Some rows of those that came at a time. */
export interface Slice {
  readonly rows: Rows;
  readonly from: number;
  readonly to: number;
}

/** Rows that are written in one transaction. */
export interface Batch {
  readonly layout: Layout;
  readonly slices: readonly Slice[];
  /** How many rows of the file come before it. */
  readonly firstRow: number;
  readonly rowCount: number;
}

export interface BatchLimits {
  readonly cells: number;
  readonly bytes: number;
  /** That the rows of a long file name. */
  readonly streams: number;
}

/**
 * Cuts a file, after the rows that are to be skipped, where a batch is full. Where that is depends on the file and on
 * nothing else: one that is sent again falls into the same batches, however it arrives.
 */
export async function* batchesOf(
  pieces: AsyncIterable<Rows>,
  layoutOf: (rows: Rows) => Layout,
  limits: BatchLimits,
  skip = 0,
): AsyncGenerator<Batch> {
  let layout: Layout | undefined;
  let firstRow = 0;
  let slices: Slice[] = [];
  let load = new Load(limits);
  for await (const rows of pieces) {
    if (rows.columns.length === 0) continue;
    layout ??= layoutOf(rows);
    const skipped = Math.min(Math.max(skip - firstRow, 0), rows.count);
    firstRow += skipped;
    let from = skipped;
    const nameOf =
      layout.stream === null ? null : nameReader(rows, layout.stream);
    for (let row = from; row < rows.count; row += 1) {
      const name = nameOf && nameOf(row);
      if (!load.takes(rows, row, name)) {
        if (from < row) slices.push({ rows, from, to: row });
        const { rowCount } = load;
        yield { layout, slices, firstRow, rowCount };
        firstRow += rowCount;
        from = row;
        slices = [];
        load = new Load(limits);
      }
      load.add(rows, row, name);
    }
    if (from < rows.count) slices.push({ rows, from, to: rows.count });
  }
  if (layout && slices.length > 0)
    yield { layout, slices, firstRow, rowCount: load.rowCount };
}

/** What is in a batch so far. */
class Load {
  rowCount = 0;
  private cells = 0;
  private bytes = 0;
  private readonly streams = new Set<string>();

  constructor(private readonly limits: BatchLimits) {}

  /** The first row always fits. */
  takes(rows: Rows, row: number, stream: string | null): boolean {
    const { cells, bytes, streams } = this.limits;
    return (
      this.rowCount === 0 ||
      (this.cells + rows.cellsOf(row) <= cells &&
        this.bytes + rows.bytesOf(row) <= bytes &&
        (stream === null ||
          this.streams.has(stream) ||
          this.streams.size < streams))
    );
  }

  add(rows: Rows, row: number, stream: string | null): void {
    this.rowCount += 1;
    this.cells += rows.cellsOf(row);
    this.bytes += rows.bytesOf(row);
    if (stream !== null) this.streams.add(stream);
  }
}
