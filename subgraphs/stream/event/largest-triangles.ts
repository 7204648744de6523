import { setImmediate } from "node:timers/promises";

/** Gone through at a time: others, who wait for this thread, have their turn in between. */
export const pointsInARow = 50_000;

/**
 * Which points of a line to draw so that it keeps its shape: the ends, and of each of the buckets between them, which
 * hold equally many points, the one that makes the largest triangle with the point chosen before and the mean of the
 * next bucket (Steinarsson 2013). Answers places in `x` and `y`, in their order; all if there are no more than `count`.
 */
export async function largestTriangles(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  count: number,
): Promise<number[]> {
  const last = x.length - 1;
  if (x.length <= count) return Array.from(x, (_, i) => i);
  if (count < 3) return [0, last].slice(0, count);
  const size = (x.length - 2) / (count - 2);
  const startOf = (bucket: number) =>
    Math.min(Math.floor(bucket * size) + 1, x.length);
  // From the first point, for the product of two times would lose what distinguishes them.
  const origin = x[0] as number;
  const at = (i: number) => (x[i] as number) - origin;
  const valueAt = (i: number) => y[i] as number;
  const chosen = [0];
  let before = 0;
  let turn = pointsInARow;
  for (let bucket = 0; bucket < count - 2; bucket += 1) {
    const start = startOf(bucket);
    const end = startOf(bucket + 1);
    if (end > turn) {
      await setImmediate();
      turn = start + pointsInARow;
    }
    const [meanX, meanY] = meanOf(at, valueAt, end, startOf(bucket + 2));
    let largest = -1;
    let best = start;
    for (let i = start; i < end; i += 1) {
      const area = Math.abs(
        (at(before) - meanX) * (valueAt(i) - valueAt(before)) -
          (at(before) - at(i)) * (meanY - valueAt(before)),
      );
      if (area > largest) {
        largest = area;
        best = i;
      }
    }
    chosen.push(best);
    before = best;
  }
  return [...chosen, last];
}

function meanOf(
  x: (i: number) => number,
  y: (i: number) => number,
  start: number,
  end: number,
): [number, number] {
  let sumX = 0;
  let sumY = 0;
  for (let i = start; i < end; i += 1) {
    sumX += x(i);
    sumY += y(i);
  }
  return [sumX / (end - start), sumY / (end - start)];
}
