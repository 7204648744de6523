import { expect, test } from "@jest/globals";
import { patchedText, project, readFaults } from "./faults.ts";

test("each deliberate fault is of one line, and fits the project as it is", async () => {
  const faults = await readFaults();
  expect(faults.length).toBeGreaterThanOrEqual(10);
  for (const { patches } of faults) {
    const lines = patches.flatMap(({ hunks }) =>
      hunks.flatMap((hunk) => hunk.lines),
    );
    expect(lines.filter((line) => line.startsWith("-"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("+"))).toHaveLength(1);
    for (const patch of patches)
      expect(await patchedText(project, patch)).toEqual(expect.any(String));
  }
});
