import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { serverAudits } from "graphql-http";
import { TestDatabase } from "../support/database.ts";
import { startTestGraph, type TestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";

let database: TestDatabase;
let graph: TestGraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  graph = await startTestGraph({
    mode: "in one process",
    ...new Orchard(),
    db: database.as("tenant"),
  });
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

/** Whoever asks for application/json is told by status what is wrong, too, as Apollo's clients expect. */
const statusOfFaults = [
  "SHOULD use 200 status code on document parsing failure when accepting application/json",
  "SHOULD use 200 status code on document validation failure when accepting application/json",
  "SHOULD use a status code of 200 on variable coercion failure when accepting application/json",
];

/** The CSRF guard asks a GET for a header that no form can send, and these audits send none. */
const getWithoutHeader = [
  "MAY accept application/x-www-form-urlencoded formatted GET requests",
  "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json",
  "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json",
];

/** What the audits of GraphQL over HTTP find, by how much it matters. */
async function audit(headers: Record<string, string>) {
  const found = { error: [], warn: [], notice: [] } as Record<
    "error" | "warn" | "notice",
    string[]
  >;
  const audits = serverAudits({
    url: `${graph.url}/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, ...headers } }),
  });
  expect(audits.length).toBeGreaterThan(60);
  for (const { fn } of audits) {
    const result = await fn();
    if (result.status === "ok") continue;
    found[result.status].push(result.name);
    await result.response.body?.cancel();
  }
  return found;
}

test("the graph is served as GraphQL over HTTP says, but for what is told here", async () => {
  expect(await audit({})).toEqual({
    error: [],
    warn: statusOfFaults,
    notice: getWithoutHeader,
  });
});

test("a client that passes the CSRF guard asks by GET", async () => {
  expect(await audit({ "apollo-require-preflight": "1" })).toEqual({
    error: [],
    warn: statusOfFaults,
    notice: [],
  });
});
