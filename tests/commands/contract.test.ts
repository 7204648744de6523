import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import {
  buildSchema,
  findBreakingChanges,
  findDangerousChanges,
} from "graphql";
import { compare } from "../../commands/contract/compare.ts";

const api = `
type Query {
  pump(id: ID!, unit: Unit = BAR): Pump
  pumps(first: Int): [Pump!]!
}
interface Named { name: String! }
type Pump implements Named { id: ID! name: String! pressure: Float maker: Maker }
type Company { name: String! }
type Person { name: String! }
union Maker = Company | Person
enum Unit { BAR KPA }
input Window { from: String to: String }
type Mutation { write(window: Window!): Boolean }
scalar Time
type Range { from: Float to: Float count: Int }
`;

/** The API with one text in the place of another. */
const changed = (from: string, to: string) => {
  expect(api).toContain(from);
  return api.replace(from, to);
};

describe("what breaks clients, as GraphQL.js finds too", () => {
  test.each([
    ["a field removed", "pressure: Float", ""],
    ["a field renamed", "pressure: Float", "pressures: Float"],
    ["a type changed", "pressure: Float", "pressure: String"],
    [
      "a value that may now be null",
      "name: String! pressure",
      "name: String pressure",
    ],
    ["a list for a value", "pressure: Float", "pressure: [Float]"],
    ["an argument removed", "pumps(first: Int)", "pumps"],
    ["an argument that must be given", "first: Int", "first: Int!"],
    ["a new argument that must be given", "first: Int", "first: Int, of: ID!"],
    ["an argument of another type", "first: Int", "first: String"],
    ["an enum value removed", "BAR KPA", "BAR"],
    ["a union without a member", "Company | Person", "Company"],
    ["an interface given up", "Pump implements Named", "Pump"],
    ["a field of an input removed", "from: String to", "to"],
    [
      "a field of an input that must be given",
      "from: String to",
      "from: String! to",
    ],
    [
      "a new field of an input that must be given",
      "to: String",
      "to: String of: ID!",
    ],
    ["a type removed", "scalar Time", ""],
    ["another kind of type", "scalar Time", "type Time { at: Int }"],
  ])("%s", async (_what, from, to) => {
    const after = changed(from, to);
    const { breaking } = await compare(api, after);
    expect(breaking).toHaveLength(
      findBreakingChanges(buildSchema(api), buildSchema(after)).length,
    );
    const line = api.slice(0, api.indexOf(from)).split("\n").length;
    for (const { line: told } of breaking)
      expect(Math.abs(told - line)).toBeLessThanOrEqual(1);
  });
});

describe("what is dangerous, and no more", () => {
  test.each([
    ["an enum value added", "BAR KPA", "BAR KPA PSI"],
    ["a union with another member", "Person\nenum", "Person | Pump\nenum"],
    ["another default", "unit: Unit = BAR", "unit: Unit = KPA"],
    ["another argument", "first: Int", "first: Int, after: String"],
  ])("%s", async (_what, from, to) => {
    const after = changed(from, to);
    const { breaking, dangerous } = await compare(api, after);
    expect(breaking).toEqual([]);
    expect(dangerous.length).toBeGreaterThanOrEqual(
      findDangerousChanges(buildSchema(api), buildSchema(after)).length,
    );
  });
});

test.each([
  ["a field added", "pressure: Float", "pressure: Float speed: Float"],
  [
    "a value that is never null any more",
    "pressure: Float",
    "pressure: Float!",
  ],
  ["a field deprecated", "pressure: Float", "pressure: Float @deprecated"],
  ["an argument that need not be given", "id: ID!", "id: ID"],
  ["another field of an input", "to: String", "to: String zone: String"],
  ["a description", "scalar Time", '"In UTC." scalar Time'],
])("%s is neither", async (_what, from, to) => {
  expect(await compare(api, changed(from, to))).toMatchObject({
    breaking: [],
    dangerous: [],
  });
});

describe("npm run contract", () => {
  let folder: string;
  /** The API as it is, which is the promise to begin with. */
  let text: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tributary-contract-"));
    for (const path of ["rover.yaml", "schema", "subgraphs"])
      await cp(path, join(folder, path), { recursive: true });
    expect((await contract("--release")).code).toBe(0);
    text = await readFile(inFolder(promised), "utf8");
  });
  afterAll(() => rm(folder, { recursive: true }));

  const inFolder = (path: string) => join(folder, path);
  const change = async (path: string, from: string, to: string) => {
    const text = await readFile(inFolder(path), "utf8");
    expect(text).toContain(from);
    await writeFile(inFolder(path), text.replace(from, to));
  };

  /** Its exit code and what it prints. */
  async function contract(...args: string[]) {
    const node = ["--import", resolve("./common/typescript/register.js")];
    const command = [...node, resolve("commands/contract.ts"), ...args];
    return promisify(execFile)(process.execPath, command, { cwd: folder }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: "" }),
      ({
        code,
        stdout,
        stderr,
      }: {
        code: number;
        stdout: string;
        stderr: string;
      }) => ({ code, stdout, stderr }),
    );
  }

  const promised = "schema/api.graphql";
  const acknowledged = "schema/acknowledged.yaml";
  const removed = "Field 'isOwn' was removed from object type 'Stream'";

  test("lets pass what the subgraphs add to what was promised", async () => {
    await change(promised, "  isOwn: Boolean!\n", "");
    const { code, stdout } = await contract();
    expect(stdout).toContain("0 breaking, 0 dangerous and 1 other changes");
    expect(code).toBe(0);
    await writeFile(inFolder(promised), text);
  });

  test("refuses what breaks clients, says where it was promised and what to do", async () => {
    await change("subgraphs/stream/schema.graphql", "isOwn:", "isMine:");
    const { code, stdout, stderr } = await contract("--json", "--release");
    expect(code).toBe(1);
    const line = text.slice(0, text.indexOf("isOwn:")).split("\n").length;
    expect(JSON.parse(stdout)).toMatchObject({
      breaking: [{ change: removed, line }],
      refused: [{ change: removed }],
      stale: [],
    });
    expect(stderr).toContain(`${removed}\n    ${promised}:${line}  `);
    expect(stderr).toContain("@deprecated");
    expect(await readFile(inFolder(promised), "utf8")).toBe(text);
    await writeFile(
      inFolder(acknowledged),
      stderr.slice(stderr.indexOf("- change:")),
    );
  });

  test("wants a reason with each change that is acknowledged", async () => {
    const { code, stderr } = await contract();
    expect([code, stderr]).toEqual([
      1,
      `${acknowledged}: entry 1 needs a reason.\n`,
    ]);
  });

  test("lets pass what is acknowledged, and makes it the promise", async () => {
    await change(acknowledged, '""', "It is called isMine.");
    const { code, stdout } = await contract("--release");
    expect(stdout).toContain("1 breaking");
    expect(code).toBe(0);
    expect(await readFile(inFolder(promised), "utf8")).toContain("isMine");
    expect(await readFile(inFolder(acknowledged), "utf8")).toBe(
      await readFile(acknowledged, "utf8"),
    );
  });

  test("tells what is acknowledged and does not happen", async () => {
    await writeFile(
      inFolder(acknowledged),
      `- { change: "${removed}", reason: It was, date: 2026-01-01 }\n`,
    );
    const { code, stderr } = await contract();
    expect([code, stderr]).toEqual([
      1,
      `${acknowledged} names a change that is none: "${removed}". Delete it there.\n`,
    ]);
  });
});
