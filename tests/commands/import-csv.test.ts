import { expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { Progress } from "../../commands/import/progress.ts";
import { Timeline } from "../../commands/import/timeline.ts";
import { recordsOf } from "../../subgraphs/stream/event/ingest/csv-records.ts";

async function* chunked(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size)
    yield bytes.subarray(at, at + size);
}

async function read(text: string, chunkSize = text.length || 1) {
  const rows: [number, readonly string[]][] = [];
  for await (const some of recordsOf(chunked(text, chunkSize)))
    for (const { line, cells } of some) rows.push([line, cells]);
  return rows;
}

const cell = fc.string({
  unit: fc.constantFrom("a", "1", " ", ",", '"', "\n", "\r\n", "ü"),
  maxLength: 6,
});
const quoted = (text: string) =>
  /[,"\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

test("whatever the cells hold, wherever the text is cut, records come back as they were written", async () => {
  await fc.assert(
    fc.asyncProperty(
      // A row of blanks alone is an empty line.
      fc.array(
        fc
          .array(cell, { minLength: 1, maxLength: 4 })
          .filter((row) => row.join(",").trim() !== ""),
      ),
      fc.constantFrom("\n", "\r\n"),
      fc.integer({ min: 1, max: 9 }),
      async (rows, lineEnd, chunkSize) => {
        let line = 1;
        const expected = rows.map((row) => {
          const begin = line;
          line += row.join().split("\n").length;
          return [begin, row];
        });
        const text = rows
          .map((row) => row.map(quoted).join(",") + lineEnd)
          .join("");
        expect(await read(text, chunkSize)).toEqual(expected);
      },
    ),
    { numRuns: 500 },
  );
});

test.each([
  ["a quote that is not closed at the end", 'a,b\n1,"2', /./],
  ["a quote inside of quotes", 'a\n"1"2\n', /cell 1 has a quote/],
  ["a quote in a cell without", 'a,b\n1,2"\n', /cell 2 has a quote/],
  [
    "a quote that is never closed",
    `a\n"${"x\n".repeat(600_000)}`,
    /1048576 .*never closed/,
  ],
  ["a line that never ends", `a\n${"x".repeat(1_200_000)}`, /1048576/],
])("%s is a fault of the line where it begins", async (_, text, message) => {
  await expect(read(text)).rejects.toMatchObject({
    message: expect.stringMatching(message),
    extensions: { at: "line 2" },
  });
});

test("a timeline finds every time again, in whatever order they come", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 })), (times) => {
      const timeline = new Timeline();
      const first = new Map<number, number>();
      for (const [row, time] of times.entries()) {
        if (!first.has(time)) first.set(time, row);
        expect(timeline.rowAt(time, row)).toBe(first.get(time));
      }
    }),
  );
});

test.each([
  [true, /\r.*█+░+ {2}50 % {2}2,000 rows {2}1,000\/s {2}2 s left$/],
  [false, null],
])("an import tells how far it is, on a terminal: %s", (isTTY, told) => {
  jest.useFakeTimers();
  try {
    const written: string[] = [];
    const out = { isTTY, write: (text: string) => written.push(text) };
    const progress = new Progress(out as unknown as NodeJS.WriteStream);
    progress.read(1_000, 0.5);
    expect(written).toEqual([]);
    jest.advanceTimersByTime(2_000);
    progress.read(1_000, 1);
    expect(written).toEqual(told ? [expect.stringMatching(told)] : []);
    jest.advanceTimersByTime(3_000);
    progress.stored(0.5);
    if (!isTTY)
      expect(written).toEqual(["75 %  2,000 rows  400/s  2 s left\n"]);
    progress.end();
    expect(written.at(-1)).toMatch(isTTY ? /^\r\S+$/ : /left\n$/);
  } finally {
    jest.useRealTimers();
  }
});
