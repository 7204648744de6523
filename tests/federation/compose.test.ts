import { execFile } from "node:child_process";
import { appendFile, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { composeServices } from "@theguild/federation-composition";
import { parse } from "graphql";
import { parse as parseYaml } from "yaml";

const supergraphFile = "schema/supergraph.graphql";

/** Runs "npm run compose" with its arguments in a folder. */
async function compose(folder: string, ...args: string[]) {
  const node = ["--import", resolve("./common/typescript/register.js")];
  const command = [...node, resolve("commands/compose.ts"), ...args];
  return promisify(execFile)(process.execPath, command, { cwd: folder });
}

test("the committed supergraph is what the subgraphs compose to", async () => {
  await compose(".", "--check");
});

test("an independent implementation composes the subgraphs too", async () => {
  const { subgraphs } = parseYaml(await readFile("rover.yaml", "utf8")) as {
    subgraphs: Record<
      string,
      { routing_url: string; schema: { file: string } }
    >;
  };
  const services = Object.entries(subgraphs).map(
    async ([name, { routing_url, schema }]) => ({
      name,
      url: routing_url,
      typeDefs: parse(await readFile(schema.file, "utf8")),
    }),
  );
  const { errors } = composeServices(await Promise.all(services));
  expect(errors).toBeUndefined();
});

describe("npm run compose", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tributary-compose-"));
    for (const path of ["rover.yaml", "schema", "subgraphs"])
      await cp(path, join(folder, path), { recursive: true });
  });

  afterEach(() => rm(folder, { recursive: true }));

  test("tells a stale supergraph, and renews it", async () => {
    await appendFile(join(folder, supergraphFile), "# stale\n");
    await expect(compose(folder, "--check")).rejects.toMatchObject({
      stderr: expect.stringContaining('Run "npm run compose" and commit it.'),
    });
    await compose(folder);
    await compose(folder, "--check");
  });

  test("quotes the line that does not compose, and writes nothing", async () => {
    const before = await readFile(join(folder, supergraphFile), "utf8");
    const schema = join(folder, "subgraphs/tenant/schema.graphql");
    await appendFile(schema, "extend type Tenant { twin: Twin }\n");
    await expect(compose(folder)).rejects.toMatchObject({
      stderr: expect.stringMatching(/Unknown type Twin[^]*twin: Twin/),
    });
    expect(await readFile(join(folder, supergraphFile), "utf8")).toBe(before);
  });
});
