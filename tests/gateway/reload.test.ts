import { createHash } from "node:crypto";
import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { ThreadPlanner } from "../../gateway/planning/thread-planner.ts";
import { followSupergraph } from "../../gateway/supergraph.ts";
import { TestDatabase } from "../support/database.ts";
import {
  modes,
  somebody,
  startTestGraph,
  type TestGraph,
} from "../support/gateway.ts";
import { logTo } from "../support/log.ts";
import { Orchard } from "../support/orchard.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

const trees = "{ trees { name fruit { weight } } }";
const ripe = "{ ripe }";
const sha256 = (text: string) =>
  createHash("sha256").update(text).digest("hex");
const isRipe = expect.objectContaining({ data: { ripe: 7 } });
const isUnknown = expect.objectContaining({
  errors: [
    expect.objectContaining({
      extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
    }),
  ],
});

describe.each(modes)("another supergraph %s", (mode) => {
  const orchard = new Orchard();
  let graph: TestGraph;
  beforeAll(async () => {
    graph = await startTestGraph({
      mode,
      ...orchard,
      supergraphSdl: orchard.olderSupergraphSdl,
      db: database.as("tenant"),
    });
  });
  afterAll(() => graph.stop());

  test.each([
    ["that is none", "type Query { ripe: Int"],
    [
      "with a subgraph to which no way leads",
      new Orchard().supergraphSdl.replaceAll('"fruits"', '"herbs"'),
    ],
  ])("%s is refused, and nothing changes", async (_what, sdl) => {
    await expect(graph.serve(sdl)).rejects.toThrow();
    expect(await graph.request(somebody, trees)).toMatchObject({ errors: [] });
    expect(await graph.request(somebody, ripe)).toEqual(isUnknown);
  });

  test("is served from then on; who has asked the one before, and who asks meanwhile, is answered", async () => {
    const faults: unknown[] = [];
    let answers = 0;
    let isOver = false;
    const visit = async () => {
      while (!isOver) {
        const { data, errors } = await graph.request(somebody, trees);
        answers += 1;
        if (errors.length > 0 || !data) faults.push(errors);
      }
    };
    const visits = [visit(), visit(), visit()];
    const slow = graph.request(somebody, "{ slow(ms: 1500) }");
    while (answers < 5) await sleep(10);

    await graph.serve(orchard.supergraphSdl);
    expect(await graph.request(somebody, ripe)).toEqual(isRipe);
    await graph.serve(orchard.olderSupergraphSdl);
    expect(await graph.request(somebody, ripe)).toEqual(isUnknown);
    const until = answers + 5;
    while (answers < until) await sleep(10);
    isOver = true;
    await Promise.all(visits);
    expect(faults).toEqual([]);
    expect(await slow).toMatchObject({ data: { slow: "done" }, errors: [] });
  });

  test("is served once it has planned what was sent last, which is not planned again when it comes", async () => {
    const sent = "{ trees { id harvest } }";
    expect(await graph.request(somebody, sent)).toMatchObject({ errors: [] });
    const plan = jest.spyOn(ThreadPlanner.prototype, "plan");
    const planned = () =>
      plan.mock.calls.filter(([{ hash }]) => hash === sha256(sent)).length;
    try {
      await graph.serve(orchard.supergraphSdl);
      expect(planned()).toBe(1);
      expect(await graph.request(somebody, sent)).toMatchObject({ errors: [] });
      expect(planned()).toBe(1);
    } finally {
      plan.mockRestore();
    }
  });
});

describe("the file of a supergraph", () => {
  let directory: string;
  let path: string;
  let served: string[];
  let lines: Record<string, unknown>[];
  let stop: () => void;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tributary-supergraph-"));
    path = join(directory, "supergraph.graphql");
    await writeFile(path, "first");
    served = [];
    const logged = logTo([]);
    lines = logged.lines;
    stop = followSupergraph(
      path,
      (sdl) => {
        if (sdl === "broken") return Promise.reject(new Error("no graph"));
        served.push(sdl);
        return Promise.resolve();
      },
      logged.log,
    );
  });
  afterEach(async () => {
    stop();
    await rm(directory, { recursive: true });
  });

  const until = async (look: () => boolean) => {
    while (!look()) await sleep(20);
  };

  test("is served when it is written, or another takes its place, once each", async () => {
    await writeFile(path, "second");
    await until(() => served.length === 1);
    await writeFile(`${path}.new`, "third");
    await rename(`${path}.new`, path);
    await until(() => served.length === 2);
    expect(served).toEqual(["second", "third"]);
  });

  test("that cannot be served is logged; the next one is served", async () => {
    await writeFile(path, "broken");
    await until(() => lines.length === 1);
    expect(lines).toMatchObject([{ msg: "the supergraph stays as it was" }]);
    await rm(path);
    await until(() => lines.length === 2);
    await writeFile(path, "second");
    await until(() => served.length === 1);
  });

  test("is looked at again on SIGHUP, and not served a second time as it is", async () => {
    // Elsewhere, so that nothing changes in the directory that is watched.
    const elsewhere = await mkdtemp(join(tmpdir(), "tributary-elsewhere-"));
    try {
      const target = join(elsewhere, "supergraph.graphql");
      await writeFile(target, "second");
      await symlink(target, `${path}.new`);
      await rename(`${path}.new`, path);
      await until(() => served.length === 1);
      await writeFile(target, "third");
      await sleep(600);
      expect(served).toEqual(["second"]);
      process.emit("SIGHUP");
      await until(() => served.length === 2);
      process.emit("SIGHUP");
      await sleep(400);
      expect(served).toEqual(["second", "third"]);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });
});
