import { execFile } from "node:child_process";
import {
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyPatch, parsePatch, type StructuredPatch } from "diff";

/**
 * Faults of one line each, in the gate and in the rules, as patches. Every one must be caught: those of the gate by the
 * small worlds, those of the rules by the permission tables.
 */
const faults = new URL("./faults/", import.meta.url);
const project = fileURLToPath(new URL("../../", import.meta.url));

/** What a copy of the project leaves behind. */
const leftOut = new Set(["node_modules", ".git", ".tributary", "coverage"]);

export interface Caught {
  readonly fault: string;
  /** The tests that failed; none if nothing caught it. */
  readonly by: readonly string[];
}

export async function* catchFaults(): AsyncGenerator<Caught> {
  const names = (await readdir(faults)).sort();
  for (const name of names) {
    const patches = parsePatch(await readFile(new URL(name, faults), "utf8"));
    yield { fault: basename(name, ".patch"), by: await failing(patches) };
  }
}

async function failing(
  patches: readonly StructuredPatch[],
): Promise<readonly string[]> {
  const copy = await mkdtemp(join(tmpdir(), "tributary-fault-"));
  try {
    await cp(project, copy, {
      recursive: true,
      filter: (path) => !leftOut.has(basename(path)),
    });
    await symlink(join(project, "node_modules"), join(copy, "node_modules"));
    for (const patch of patches) await applyTo(copy, patch);
    const isOfGate = patches.every(({ newFileName = "" }) =>
      newFileName.startsWith("b/migrations/"),
    );
    return await runTests(
      copy,
      isOfGate ? "tests/oracle/gate.test" : "permissions.test",
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function applyTo(copy: string, patch: StructuredPatch): Promise<void> {
  const file = join(copy, (patch.newFileName ?? "").replace(/^b\//, ""));
  const patched = applyPatch(await readFile(file, "utf8"), patch);
  if (patched === false)
    throw new Error(
      `${patch.newFileName} is not as the patch has it. Make the patch anew.`,
    );
  await writeFile(file, patched);
}

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { fullName: string; status: string }[];
  }[];
}

/** Names the tests that fail; a suite that does not even start proves nothing. */
async function runTests(copy: string, pattern: string): Promise<string[]> {
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [
        "--experimental-vm-modules",
        "--no-warnings",
        "node_modules/jest/bin/jest.js",
        "--json",
        "--silent",
        pattern,
      ],
      { cwd: copy, maxBuffer: 2 ** 28 },
      // It exits with 1 where tests fail, as they should.
      (_error, stdout) => resolve(stdout),
    );
  });
  const report = JSON.parse(output.slice(output.indexOf("{"))) as Report;
  const unrun = report.testResults.find(
    ({ assertionResults }) => assertionResults.length === 0,
  );
  if (unrun || report.numTotalTests === 0)
    throw new Error(`The tests did not run: ${unrun?.message ?? output}`);
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName }) => fullName),
  );
}
