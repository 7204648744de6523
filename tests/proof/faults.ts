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
 *
 * A patch is applied to a copy of the project as it is. One of the gate patches the migration that defines the view or
 * function last; whoever defines it anew moves the patch there, and is told so here.
 */
const faults = new URL("./faults/", import.meta.url);
export const project = fileURLToPath(new URL("../../", import.meta.url));

/** What a copy of the project leaves behind. */
const leftOut = new Set(["node_modules", ".git", ".tributary", "coverage"]);

export interface Fault {
  readonly name: string;
  readonly patches: readonly StructuredPatch[];
}

export interface Caught {
  readonly fault: string;
  /** The tests that failed; none if nothing caught it. */
  readonly by: readonly string[];
}

export async function readFaults(): Promise<Fault[]> {
  const names = (await readdir(faults)).sort();
  return Promise.all(
    names.map(async (name) => ({
      name: basename(name, ".patch"),
      patches: parsePatch(await readFile(new URL(name, faults), "utf8")),
    })),
  );
}

export async function* catchFaults(): AsyncGenerator<Caught> {
  for (const { name, patches } of await readFaults())
    yield { fault: name, by: await failing(patches) };
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
    for (const suite of suitesFor(patches)) {
      const failed = await runTests(copy, suite);
      if (failed.length > 0) return failed;
    }
    return [];
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const pathOf = ({ newFileName = "" }: StructuredPatch) =>
  newFileName.replace(/^b\//, "");

/** What can catch a fault, the quickest first; what comes after it is run only if that does not. */
function suitesFor(
  patches: readonly StructuredPatch[],
): readonly (readonly string[])[] {
  const [path = ""] = patches.map(pathOf);
  if (path.startsWith("migrations/"))
    return [
      ["tests/oracle/gate.test", "-t", "every world of one community$"],
      ["tests/oracle/gate.test"],
    ];
  const [, subgraph = "tenant"] = /^subgraphs\/(\w+)\//.exec(path) ?? [];
  return [[`tests/${subgraph}/permissions.test`], ["permissions.test"]];
}

async function applyTo(copy: string, patch: StructuredPatch): Promise<void> {
  await writeFile(join(copy, pathOf(patch)), await patchedText(copy, patch));
}

/** The file that a patch is for, as it has it. */
export async function patchedText(
  directory: string,
  patch: StructuredPatch,
): Promise<string> {
  const path = pathOf(patch);
  const before = await readFile(join(directory, path), "utf8");
  const patched = applyPatch(before, patch);
  if (patched === false)
    throw new Error(`${path} is not as the patch has it. Make the patch anew.`);
  await assertNewest(directory, path, before, patch);
  return patched;
}

/** A migration that defines the same anew would heal the fault before anything meets it. */
async function assertNewest(
  directory: string,
  path: string,
  text: string,
  { hunks }: StructuredPatch,
): Promise<void> {
  if (!path.startsWith("migrations/")) return;
  const above = text.split("\n").slice(0, hunks[0]?.oldStart).join("\n");
  const name = [...above.matchAll(definition)].at(-1)?.[1];
  const names = (await readdir(join(directory, "migrations"))).sort();
  for (const later of names.slice(names.indexOf(basename(path)) + 1)) {
    const migration = await readFile(
      join(directory, "migrations", later),
      "utf8",
    );
    const defined = [...migration.matchAll(definition)].map(([, one]) => one);
    if (defined.includes(name))
      throw new Error(
        `${path} is not the last to define ${name}: ${later} does. Move the patch there.`,
      );
  }
}

const definition = /create (?:or replace )?(?:view|function) ([\w.]+)/g;

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { fullName: string; status: string }[];
  }[];
}

/** Names the tests that fail; a suite that does not even start proves nothing. */
async function runTests(
  copy: string,
  which: readonly string[],
): Promise<string[]> {
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      ["node_modules/jest/bin/jest.js", "--json", "--silent", ...which],
      { cwd: copy, maxBuffer: 2 ** 28 },
      // It exits with 1 where tests fail, as they should.
      (_error, stdout) => resolve(stdout),
    );
  });
  const report = JSON.parse(output.slice(output.indexOf("{"))) as Report;
  const unrun = report.testResults.find(
    ({ assertionResults }) => assertionResults.length === 0,
  );
  if (unrun || report.numPassedTests + report.numFailedTests === 0)
    throw new Error(`The tests did not run: ${unrun?.message ?? output}`);
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName }) => fullName),
  );
}
