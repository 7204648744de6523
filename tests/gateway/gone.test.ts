import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT } from "jose";
import type { TrustedIssuer } from "../../common/trusted-issuer.ts";
import { anonymous } from "../../common/viewer.ts";
import { memoryCounters } from "../../gateway/budgets/counters.ts";
import { requestPoints } from "../../gateway/budgets/limits.ts";
import { TestDatabase } from "../support/database.ts";
import { startTestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { until } from "../support/waiting.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

/** Knows a caller by `sub`, when the test has it know. */
class SlowIssuer implements TrustedIssuer {
  readonly issuer = "https://slow.example";
  readonly isBuiltIn = false;
  asked = 0;
  know = () => undefined as unknown;
  private readonly known = new Promise<void>((resolve) => {
    this.know = resolve;
  });

  async verify() {
    this.asked += 1;
    await this.known;
    const viewer = { ...anonymous, identityId: this.caller };
    return { value: () => viewer, expiresAt: Date.now() / 1000 + 60 };
  }

  readonly caller = randomUUID();

  tokenFor(n: number): Promise<string> {
    return new SignJWT({ iss: this.issuer, n })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new Uint8Array(32));
  }
}

const query = "query=%7Bripe%7D";
const body = '{"query":"{ ripe }"}';
const posted = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;

test.each([
  ["a whole body", [`POST /graphql HTTP/1.1\r\n${posted}`, body]],
  ["half a body", [`POST /graphql HTTP/1.1\r\n${posted}`, body.slice(0, 5)]],
  ["none of its body", [`POST /graphql HTTP/1.1\r\n${posted}`, ""]],
  ["no body", [`GET /graphql?${query} HTTP/1.1\r\n`, ""]],
])(
  "a client that has sent %s and gone before it is known is charged, and holds up nothing",
  async (_, [head, sent]) => {
    const issuer = new SlowIssuer();
    const counters = memoryCounters(60);
    const graph = await startTestGraph({
      mode: "in one process",
      ...new Orchard(),
      db: database.as("tenant"),
      trusted: [issuer],
      counters,
    });
    const { hostname, port } = new URL(graph.url);
    const clients = 5;
    for (let n = 0; n < clients; n++) {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      const authorization = `authorization: Bearer ${await issuer.tokenFor(n)}`;
      socket.write(`${head}host: x\r\n${authorization}\r\n\r\n${sent}`);
      await until(() => Promise.resolve(issuer.asked === n + 1));
      socket.resetAndDestroy();
      await once(socket, "close");
    }
    // Until the server has seen it.
    await sleep(50);
    issuer.know();
    await until(async () => {
      const { points } = await counters.identity.add(issuer.caller, 0);
      return points >= clients * requestPoints;
    });
    const before = performance.now();
    await graph.stop();
    expect(performance.now() - before).toBeLessThan(2_000);
  },
);

test("an operation that never ends does not keep the gateway from stopping", async () => {
  const graph = await startTestGraph({
    mode: "in one process",
    ...new Orchard(),
    db: database.as("tenant"),
  });
  const leaving = new AbortController();
  const { signal } = leaving;
  const asked = graph.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ slow(ms: 12000) }" }),
    signal,
  });
  await sleep(300);
  leaving.abort();
  await expect(asked).rejects.toThrow();
  const before = performance.now();
  await graph.stop();
  expect(performance.now() - before).toBeLessThan(9_000);
}, 30_000);
