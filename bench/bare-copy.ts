import { readFile } from "node:fs/promises";

const epoch2000 = Date.parse("2000-01-01T00:00:00Z");
const eventBytes = 2 + (4 + 4) + (4 + 4) + (4 + 8) + (4 + 8);

/**
 * A file of numbers, a row a time and a column a stream, in PostgreSQL's binary COPY format and in the order of the
 * file: tenant_id, stream_id, ts, value.
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
  const start = Buffer.alloc(19);
  start.write("PGCOPY\n\xff\r\n\0", "latin1");
  const events = rows.map((row) => {
    const micros = BigInt(Date.parse(row[0] ?? "") - epoch2000) * 1000n;
    const encoded = Buffer.allocUnsafe(columns.length * eventBytes);
    let at = 0;
    for (const [stream, column] of columns.entries()) {
      at = encoded.writeInt16BE(4, at);
      at = encoded.writeInt32BE(4, at);
      at = encoded.writeInt32BE(1, at);
      at = encoded.writeInt32BE(4, at);
      at = encoded.writeInt32BE(stream + 1, at);
      at = encoded.writeInt32BE(8, at);
      at = encoded.writeBigInt64BE(micros, at);
      at = encoded.writeInt32BE(8, at);
      at = encoded.writeDoubleBE(Number(row[column]), at);
    }
    return encoded;
  });
  return [start, Buffer.concat(events), Buffer.from([0xff, 0xff])];
}
