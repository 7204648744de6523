import { readFile } from "node:fs/promises";

const epoch2000 = Date.parse("2000-01-01T00:00:00Z");
const rowBytes = 2 + 4 * 4 + 4 + 4 + 8 + 8;

/**
 * A file of numbers, a row a time and a column a stream, in PostgreSQL's binary COPY format: tenant_id, stream_id, ts,
 * value, stream after stream, which is how COPY is fastest.
 */
export async function encodeForCopy(
  file: string,
  ignored: readonly string[],
): Promise<Buffer[]> {
  const [header = [], ...rows] = (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const columns = header.flatMap((name, column) =>
    column === 0 || ignored.includes(name) ? [] : [column],
  );
  const times = rows.map(([time = ""]) => Date.parse(time));
  const start = Buffer.alloc(19);
  start.write("PGCOPY\n\xff\r\n\0", "latin1");
  const streams = columns.map((column, stream) => {
    const events = Buffer.allocUnsafe(rows.length * rowBytes);
    let at = 0;
    for (const [i, row] of rows.entries()) {
      at = events.writeInt16BE(4, at);
      at = events.writeInt32BE(4, at);
      at = events.writeInt32BE(1, at);
      at = events.writeInt32BE(4, at);
      at = events.writeInt32BE(stream + 1, at);
      at = events.writeInt32BE(8, at);
      const micros = BigInt((times[i] ?? NaN) - epoch2000) * 1000n;
      at = events.writeBigInt64BE(micros, at);
      at = events.writeInt32BE(8, at);
      at = events.writeDoubleBE(Number(row[column]), at);
    }
    return events;
  });
  return [start, ...streams, Buffer.from([0xff, 0xff])];
}
