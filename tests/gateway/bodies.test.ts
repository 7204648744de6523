import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { request as send } from "node:http";
import { EnvironmentReader } from "../../common/config.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { readBodyLimits } from "../../gateway/bodies.ts";
import { TestDatabase } from "../support/database.ts";
import { startTestGraph, type TestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { until } from "../support/waiting.ts";

/** Two of an identity, three of a tenant, four in all. */
const bodyBytes = 100_000;
const limits = {
  bytesOfIdentity: 250_000,
  bytesOfTenant: 350_000,
  bytesInAll: 450_000,
};

let database: TestDatabase;
let graph: TestGraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  graph = await startTestGraph({
    mode: "in one process",
    ...new Orchard(),
    db: database.as("tenant"),
    bodyLimits: limits,
  });
  // Planned the first time.
  await post(somebodyElse(), bodyOf(waiting));
  await post(somebodyElse(), quick);
});
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

const somebodyElse = (): Viewer => ({ ...anonymous, identityId: randomUUID() });

const bodyOf = (query: string, bytes = bodyBytes, ms = 0) => {
  const empty = JSON.stringify({ query, variables: { ms, text: "" } });
  return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
};

async function post(who: Viewer, body: string, init: object = {}) {
  const answer = await graph.fetch("/graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await graph.issuer.tokenFor(who)}`,
    },
    body,
    ...init,
  });
  const { errors } = (await answer.json()) as {
    errors?: { message: string; extensions: object }[];
  };
  return {
    status: answer.status,
    retryAfter: answer.headers.get("retry-after"),
    ...errors?.[0],
  };
}

const quick = bodyOf("{ ripe }");
const waiting = "query ($ms: Int!) { slow(ms: $ms) }";
const slow = bodyOf(waiting, bodyBytes, 2_000);
const isTaken = async (who: Viewer) => (await post(who, quick)).status === 200;

test("an identity has so many bytes under way, until they are answered, and the way on is told", async () => {
  const who = somebodyElse();
  const underWay = [post(who, slow), post(who, slow)];
  await until(async () => !(await isTaken(who)));
  const refused = {
    status: 429,
    retryAfter: "1",
    message: `At most ${limits.bytesOfIdentity} bytes in requests of one identity at a time; with this one it is ${3 * bodyBytes}. Send this one again when another is answered, or less in each.`,
    extensions: {
      code: "LIMIT_EXCEEDED",
      limit: limits.bytesOfIdentity,
      value: 3 * bodyBytes,
    },
  };
  expect(await post(who, quick)).toEqual(refused);
  // Not told in advance, it is refused as soon as it has come so far.
  const streamed = await post(who, "", {
    body: new Blob([quick]).stream(),
    duplex: "half",
  });
  expect(streamed).toMatchObject({ status: 429 });
  // What asks and sends little is not held up, nor is anybody else.
  expect((await post(who, bodyOf("{ ripe }", 50_000))).status).toBe(200);
  expect(await isTaken(somebodyElse())).toBe(true);
  for (const answer of underWay)
    expect((await answer).message ?? "done").toBe("done");
  expect(await isTaken(who)).toBe(true);
});

test("so have all identities of a tenant together, and another tenant has room beside them", async () => {
  const tenantId = randomUUID();
  const colleague = () => ({ ...somebodyElse(), tenantId });
  const underWay = [1, 2, 3].map(() => post(colleague(), slow));
  const who = colleague();
  await until(async () => !(await isTaken(who)));
  expect(await post(who, quick)).toMatchObject({
    status: 429,
    message: `At most ${limits.bytesOfTenant} bytes in requests of one tenant at a time; with this one it is ${4 * bodyBytes}. Send this one again in a moment.`,
  });
  expect(await isTaken({ ...somebodyElse(), tenantId: randomUUID() })).toBe(
    true,
  );
  await Promise.all(underWay);
  expect(await isTaken(who)).toBe(true);
});

test("so has everybody together", async () => {
  const underWay = [1, 2, 3, 4].map(() => post(somebodyElse(), slow));
  const who = somebodyElse();
  await until(async () => !(await isTaken(who)));
  expect(await post(who, quick)).toMatchObject({
    status: 429,
    message: `At most ${limits.bytesInAll} bytes in requests at a time; with this one it is ${5 * bodyBytes}. Send this one again in a moment.`,
  });
  expect((await post(who, bodyOf("{ ripe }", 50_000))).status).toBe(200);
  await Promise.all(underWay);
  expect(await isTaken(who)).toBe(true);
});

test("what was refused, and who has gone in the middle of a body, keeps nothing", async () => {
  const who = somebodyElse();
  const token = await graph.issuer.tokenFor(who);
  const begun = Array.from({ length: 2 }, () => {
    const request = send(new URL("/graphql", graph.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "content-length": 120_000,
        authorization: `Bearer ${token}`,
      },
    });
    request.on("error", () => undefined).write("x".repeat(110_000));
    return request;
  });
  await until(async () => !(await isTaken(who)));
  for (const request of begun) request.destroy();
  await until(() => isTaken(who));
});

test("no body that is short enough is refused for ever: the settings are told to be too small", () => {
  const reader = new EnvironmentReader({ REQUEST_BYTES_OF_IDENTITY: "1000" });
  expect(() => reader.done(readBodyLimits(reader, 2_000))).toThrow(
    /REQUEST_BYTES_OF_IDENTITY/,
  );
  const larger = new EnvironmentReader({});
  expect(readBodyLimits(larger, 2 ** 28)).toEqual({
    bytesOfIdentity: 2 ** 28,
    bytesOfTenant: 2 ** 28,
    bytesInAll: 2 ** 28,
  });
});
