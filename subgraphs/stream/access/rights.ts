import type { StreamRight } from "../generated.ts";

/** Each right's bit in the sums that tables and gate work with. */
const bits = {
  READ: 1,
  WRITE: 2,
  DELETE: 4,
  MANAGE_ACCESS_CONTROL: 8,
  SHARE: 16,
} satisfies Record<StreamRight, number>;

const all = Object.keys(bits) as StreamRight[];

export const includes = (sum: number, right: StreamRight): boolean =>
  (sum & bits[right]) !== 0;

export const rightsIn = (sum: number): StreamRight[] =>
  all.filter((right) => includes(sum, right));

export const sumOf = (rights: readonly StreamRight[]): number =>
  rights.reduce((sum, right) => sum | bits[right], 0);
