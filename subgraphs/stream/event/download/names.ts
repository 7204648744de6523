import { columnOf, ofStreams, ofTimestamps } from "../file-columns.ts";
import type { FileColumn } from "./format.ts";

/** What the columns of a file are called. */
export const namesOf = (
  columns: readonly FileColumn[],
  namesStreams: boolean,
): string[] => [
  ...(namesStreams ? [ofStreams] : []),
  ofTimestamps,
  ...columns.map(({ name }) => columnOf(name)),
];
