import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { TestDatabase } from "../support/database.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as, type Answer } from "../support/run.ts";
import { Seed, type Identity } from "../support/seed.ts";

/*
 * What the documents show is asked as it stands there, by an account administrator; what stands in angle brackets are ids.
 */

let database: TestDatabase;
let graph: TestGraph;
let administrator: Identity;
const ids = new Map<string, string>();

beforeAll(async () => {
  database = await TestDatabase.create();
  graph = await startGraph(database, "in one process");
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  administrator = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  ids.set("tenant", tenant.uuid);
  const made = async (mutation: string) =>
    (await ask(`mutation { made: ${mutation} { id } }`)).data?.["made"] as
      { id: string } | undefined;
  const namespace = await made(`createNamespace(input: { name: "Plant" })`);
  ids.set("namespace", namespace?.id ?? "");
  const type = await made(
    `createStreamType(input: { namespaceId: "<namespace>", name: "Pressure", properties: [{ name: "value", kind: FLOAT, uom: "bar" }] })`,
  );
  ids.set("type", type?.id ?? "");
  for (const name of ["stream", "other"]) {
    const stream = await made(
      `createStream(input: { namespaceId: "<namespace>", typeId: "<type>", externalId: "${name}" })`,
    );
    ids.set(name, stream?.id ?? "");
    await ask(
      `mutation { writeEvents(input: { mode: INSERT, streams: [{
        streamId: "<${name}>", timestamps: ["2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z"], values: [3, 4] }] }) { eventCount } }`,
    );
  }
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

async function ask(query: string): Promise<Answer> {
  const answer = await graph.request(
    as(administrator),
    query.replaceAll(/<(\w+)>/g, (_, name: string) => ids.get(name) ?? name),
  );
  expect(answer.errors).toEqual([]);
  return answer;
}

const examplesIn = (file: string) => {
  const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url));
  const blocks = text.toString().matchAll(/```graphql\n(.*?)```/gs);
  return [...blocks].map(([, query = ""]) => query);
};

test.each([
  ["reading.md", 3],
  ["who-read-what.md", 2],
  ["streams.md", 4],
])("what docs/%s shows is answered: %i examples", async (file, count) => {
  const examples = examplesIn(file);
  expect(examples).toHaveLength(count);
  for (const example of examples) {
    const { data } = await ask(example);
    expect(Object.values(data ?? {})).not.toContain(null);
    const type = data?.["createStreamType"] as { id: string } | undefined;
    if (type) ids.set("type", type.id);
  }
});
