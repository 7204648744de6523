import { expect, test } from "@jest/globals";
import {
  largestTriangles,
  pointsInARow,
} from "../../subgraphs/stream/event/largest-triangles.ts";

test.each([3, 1_000, 100_000])(
  "others have their turn while %i of very many points are chosen",
  async (count) => {
    const turns = 10;
    const x = Float64Array.from({ length: turns * pointsInARow }, (_, i) => i);
    const y = x.map((i) => Math.sin(i / 1_000));
    let taken = 0;
    const take = () => {
      taken += 1;
      next = setImmediate(take);
    };
    let next = setImmediate(take);
    const chosen = await largestTriangles(x, y, count);
    clearImmediate(next);
    expect(chosen).toHaveLength(count);
    // A bucket is gone through as a whole.
    const buckets = count - 2;
    expect(taken).toBeGreaterThanOrEqual(Math.min(turns - 2, buckets));
  },
);
