import type { FileColumn } from "./format.ts";

const own = ["stream", "timestamp"];

/** What the columns of a file are called; a property of the name of one of the first two is told from it. */
export const namesOf = (
  columns: readonly FileColumn[],
  namesStreams: boolean,
): string[] => [
  ...(namesStreams ? own : own.slice(1)),
  ...columns.map(({ name }) =>
    own.includes(name) ? `property ${name}` : name,
  ),
];
