import type { Micros } from "../../../../common/date-time.ts";
import { badInput } from "../../../../common/errors.ts";
import { ofStreams, ofTimestamps } from "../file-columns.ts";
import { fault, type Rows } from "./rows.ts";

/** Which columns say where an event belongs; it holds for the whole file. */
export interface Layout {
  readonly timestamp: number;
  /** Null in a wide file: a column of its own for each stream. In a long one all others are properties. */
  readonly stream: number | null;
}

/** A file is long if it has a column "stream". */
export function layoutOf({ columns }: Pick<Rows, "columns">): Layout {
  const timestamp = columns.indexOf(ofTimestamps);
  const stream = columns.indexOf(ofStreams);
  if (timestamp < 0)
    throw badInput(
      `there is no column "${ofTimestamps}". Name it so; every other column is a stream, or with a column "${ofStreams}" a property.`,
      ofTimestamps,
    );
  if (columns.length < (stream < 0 ? 2 : 3))
    throw badInput(
      `there is no column of values beside ${columns.join(" and ")}.`,
    );
  return { timestamp, stream: stream < 0 ? null : stream };
}

/** The columns that hold values. */
export const valueColumns = (
  { timestamp, stream }: Layout,
  { columns }: Rows,
): number[] =>
  [...columns.keys()].filter((i) => i !== timestamp && i !== stream);

/** The stream that each row names. */
export function nameReader(
  rows: Rows,
  column: number,
): (row: number) => string {
  const read = rows.reader(column, {
    name: ofStreams,
    kind: "TEXT",
    states: null,
  });
  return (row) => {
    const name = read(row);
    if (typeof name === "string") return name;
    throw fault(rows.placeOf(row), `column "${ofStreams}": name a stream.`);
  };
}

/** The time that each row names. */
export function timeReader(
  rows: Rows,
  column: number,
): (row: number) => Micros {
  const read = rows.reader(column, {
    name: ofTimestamps,
    kind: "TIMESTAMP",
    states: null,
  });
  return (row) => {
    const time = read(row);
    if (typeof time === "number") return time;
    throw fault(
      rows.placeOf(row),
      `column "${rows.columns[column]}": ${rows.shown(column, row)} is no timestamp; write one as "2026-01-31T08:00:00.5Z", with an offset and at most microseconds, from 1970 to 2200.`,
    );
  };
}
