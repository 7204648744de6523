import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { request as send } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { anonymousBodyBytes, usualLimits } from "../../gateway/limits.ts";
import { TestDatabase } from "../support/database.ts";
import {
  somebody,
  startTestGraph,
  type TestGraph,
} from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { anonymous } from "../../common/viewer.ts";

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

const post = (body: string, headers: Record<string, string> = {}) =>
  graph.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

/** Status and the first error's code. */
const refusal = async (response: Response) => {
  const { errors } = (await response.json()) as {
    errors: { message: string; extensions: Record<string, unknown> }[];
  };
  return [response.status, errors[0]?.extensions["code"], errors[0]?.message];
};

describe("the endpoint", () => {
  test("answers queries by GET, behind a header that no form can send", async () => {
    const path = "/graphql?query={ripe}";
    const response = await graph.fetch(path, {
      headers: { "apollo-require-preflight": "1" },
    });
    expect(await response.json()).toEqual({ data: { ripe: 7 } });
    expect(await refusal(await graph.fetch(path))).toEqual([
      400,
      "BAD_REQUEST",
      expect.stringContaining("Cross-Site Request Forgery"),
    ]);
  });

  test("executes the query that it has looked at, and no other", async () => {
    const harmless = '{"query":"{ripe}"}';
    const bomb = `{ ${"trees { neighbour { name } } ".repeat(60)}}`;
    const url = new URL(graph.url);
    url.pathname = "/graphql";
    url.search = new URLSearchParams({ query: bomb }).toString();
    const token = await graph.issuer.tokenFor(somebody);
    // fetch sends no body with a GET, and this server must not care that others do.
    const status = await new Promise((resolve, reject) => {
      const request = send(url, {
        headers: {
          "content-type": "application/json",
          "content-length": harmless.length,
          authorization: `Bearer ${token}`,
        },
      });
      request.once("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.once("error", reject);
      request.end(harmless);
    });
    expect(status).toBe(413);
  });

  test("takes no mutation by GET", async () => {
    const response = await graph.fetch(
      `/graphql?query=${encodeURIComponent('mutation { plant(name: "a") { id } }')}`,
      { headers: { "apollo-require-preflight": "1" } },
    );
    expect(response.status).toBe(405);
  });

  test.each([
    ["text that is no JSON", "{", "The body is not JSON"],
    ["nothing", "", "POST body missing"],
    ["a list of requests", '[{"query":"{ripe}"}]', "batching disabled"],
    ["a query that is no text", '{"query":{"a":1}}', "must be strings"],
    ["no query", '{"variables":{}}', "non-empty `query`"],
    [
      "variables that are no object",
      '{"query":"{ripe}","variables":[1]}',
      "must be an object",
    ],
  ])("refuses %s", async (_, body, message) => {
    expect(await refusal(await post(body))).toEqual([
      400,
      "BAD_REQUEST",
      expect.stringContaining(message),
    ]);
  });

  test("refuses other content types and encodings", async () => {
    const body = '{"query":"{ripe}"}';
    for (const headers of [
      { "content-type": "text/plain" },
      { "content-type": "application/x-www-form-urlencoded" },
      { "content-encoding": "gzip" },
    ] as Record<string, string>[])
      expect((await refusal(await post(body, headers))).slice(0, 2)).toEqual([
        400,
        "BAD_REQUEST",
      ]);
  });

  test("refuses a body beyond the limit, told in advance or not, and lives on", async () => {
    const body = JSON.stringify({
      query: "{ripe}",
      variables: { text: "x".repeat(usualLimits.bodyBytes) },
    });
    const expected = [
      413,
      "LIMIT_EXCEEDED",
      expect.stringContaining(`At most ${usualLimits.bodyBytes} bytes`),
    ];
    expect(await refusal(await post(body))).toEqual(expected);
    const streamed = await graph.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Blob([body]).stream(),
      duplex: "half",
    } as RequestInit);
    expect(await refusal(streamed)).toEqual(expected);
    expect((await post('{"query":"{ripe}"}')).status).toBe(200);
  });

  test("takes no long body of somebody without a tenant", async () => {
    const person = { id: randomUUID(), email: "a@b.example", name: null };
    const token = await graph.issuer.tokenFor({ ...anonymous, person });
    const query = "{ ripe }";
    const bodyOf = (padding: number) =>
      JSON.stringify({ query, variables: { text: "x".repeat(padding) } });
    const authorization = `Bearer ${token}`;
    const taken = await post(bodyOf(60_000), { authorization });
    expect(await taken.json()).toEqual({ data: { ripe: 7 } });
    const refused = await post(bodyOf(70_000), { authorization });
    expect((await refusal(refused)).slice(0, 2)).toEqual([
      413,
      "LIMIT_EXCEEDED",
    ]);
  });

  test("takes a text of 10 MB, and hands it to the subgraph", async () => {
    const at = "x".repeat(10 * 2 ** 20);
    const query = "query ($at: DateTime!) { planted(at: $at) }";
    const response = await post(JSON.stringify({ query, variables: { at } }));
    expect((await refusal(response)).slice(0, 2)).toEqual([
      200,
      "BAD_USER_INPUT",
    ]);
  });

  test("refuses a query beyond a limit before it is validated", async () => {
    const query = `{ ${"a { ".repeat(21)} a ${"}".repeat(21)} }`;
    expect(await refusal(await post(JSON.stringify({ query })))).toEqual([
      413,
      "LIMIT_EXCEEDED",
      "At most 20 fields inside each other in a query; this asks for 22. Ask in several requests.",
    ]);
  });

  test("refuses a bad token before it reads the body", async () => {
    const response = await post("{", { authorization: "Bearer nonsense" });
    expect(response.headers.get("www-authenticate")).toContain("invalid_token");
    expect((await refusal(response)).slice(0, 2)).toEqual([
      401,
      "UNAUTHENTICATED",
    ]);
  });

  test.each([
    ["as it tells in advance", { "content-length": 2 ** 20 }],
    ["without telling", { "transfer-encoding": "chunked" }],
  ])(
    "keeps no long body of somebody without a token: %s",
    async (_, headers) => {
      const request = send(new URL("/graphql", graph.url), {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
      });
      const status = new Promise((resolve, reject) => {
        request.once("response", (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.once("error", reject);
      });
      // The rest never comes.
      request.write(" ".repeat(anonymousBodyBytes + 1));
      expect(await status).toBe(401);
      request.destroy();
    },
  );

  test("refuses what the graph has none of", async () => {
    const query = "subscription { ripe }";
    expect(await refusal(await post(JSON.stringify({ query })))).toEqual([
      400,
      "GRAPHQL_VALIDATION_FAILED",
      expect.stringContaining("no subscriptions"),
    ]);
  });

  test("tells where the syntax is wrong", async () => {
    const response = await post('{"query":"{ ripe"}');
    expect(await response.json()).toMatchObject({
      errors: [
        {
          locations: [{ line: 1, column: 7 }],
          extensions: { code: "GRAPHQL_PARSE_FAILED" },
        },
      ],
    });
  });
});

test("an operation that takes too long to plan is refused as a whole", async () => {
  const hasty = await startTestGraph({
    mode: "in one process",
    ...new Orchard(),
    db: database.as("tenant"),
    planMs: 1,
  });
  try {
    const response = await hasty.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"query":"{ trees { name fruit { weight } neighbour { name } } }"}',
    });
    expect(await refusal(response)).toEqual([
      413,
      "LIMIT_EXCEEDED",
      expect.stringContaining("A query is planned within 1 milliseconds"),
    ]);
  } finally {
    await hasty.stop();
  }
});

describe("introspection", () => {
  const query = JSON.stringify({
    query: "{ __schema { queryType { name } } }",
  });

  test("is there where it is allowed, and shows nothing of the subgraphs", async () => {
    expect(await (await post(query)).json()).toEqual({
      data: { __schema: { queryType: { name: "Query" } } },
    });
    const all = JSON.stringify({ query: "{ __schema { types { name } } }" });
    expect(await (await post(all)).text()).not.toMatch(
      /_Entity|_Service|join__/,
    );
  });

  test("is refused where it is not, and suggestions with it", async () => {
    const production = await startTestGraph({
      mode: "in one process",
      ...new Orchard(),
      db: database.as("tenant"),
      introspection: false,
    });
    try {
      const { errors } = await production.request(
        anonymous,
        "{ __schema { queryType { name } } }",
      );
      expect(errors[0]?.extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
      const typo = await production.request(anonymous, "{ rip }");
      expect(typo.errors[0]?.message).not.toContain("ripe");
    } finally {
      await production.stop();
    }
  });
});

describe("a browser", () => {
  const preflight = (origin: string) =>
    graph.fetch("/graphql", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });

  test("may call from an allowed origin", async () => {
    const origin = "https://allowed.example";
    const { status, headers } = await preflight(origin);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(origin);
    expect(headers.get("access-control-allow-headers")).toContain(
      "authorization",
    );
    const response = await post('{"query":"{ripe}"}', { origin });
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test.each(["https://other.example", "null", "https://allowed.example.evil"])(
    "may not from %s",
    async (origin) => {
      const { headers } = await preflight(origin);
      expect(headers.get("access-control-allow-origin")).toBeNull();
      const response = await post('{"query":"{ripe}"}', { origin });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test("gets the explorer as one page that loads nothing from elsewhere", async () => {
    const response = await graph.fetch("/");
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(html).not.toMatch(
      /<(script|link|img|iframe)\b[^>]*\b(src|href)=["']?(https?:)?\/\//i,
    );
    expect(html.length).toBeGreaterThan(1_000_000);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toMatch(/script-src 'sha256-[\w+/=]+'/);
    expect(policy).not.toMatch(/https?:|script-src[^;]*unsafe/);
  });

  test("gets the same bytes of it as all others that wait for them", async () => {
    const { arrayBuffers, rss } = process.memoryUsage();
    const { hostname, port } = new URL(graph.url);
    const waiting = Array.from({ length: 30 }, () => {
      const socket = connect(Number(port), hostname).pause();
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      return socket;
    });
    await sleep(1_000);
    const after = process.memoryUsage();
    for (const socket of waiting) socket.destroy();
    expect(after.arrayBuffers - arrayBuffers).toBeLessThan(50_000_000);
    expect(after.rss - rss).toBeLessThan(200_000_000);
  });

  test("gets security headers with everything", async () => {
    for (const path of ["/", "/graphql", "/healthz", "/nowhere", "/oidc/x"]) {
      const { headers, body } = await graph.fetch(path);
      await body?.cancel();
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("default-src");
      expect(headers.get("referrer-policy")).not.toBeNull();
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    }
  });
});

describe("a path", () => {
  test.each([
    ["/healthz", 200],
    ["/readyz", 200],
    ["/oidc", 200],
    ["/oidc/.well-known/openid-configuration", 200],
    ["/oidcx", 404],
    ["/nowhere", 404],
    ["/graphql/", 404],
    ["/__proto__", 404],
    ["/constructor", 404],
  ])("%s answers %d", async (path, status) => {
    expect((await graph.fetch(path)).status).toBe(status);
  });

  test("is all that counts: no host that a client names is believed", async () => {
    const { port } = new URL(graph.url);
    const text = await new Promise<string>((resolve, reject) =>
      send(
        {
          port,
          path: "/oidc",
          headers: { host: "evil.example", "x-forwarded-host": "evil.example" },
        },
        (response) => {
          let body = "";
          response.on("data", (chunk) => (body += String(chunk)));
          response.on("end", () =>
            resolve(JSON.stringify(response.headers) + body),
          );
        },
      )
        .on("error", reject)
        .end(),
    );
    expect(text).not.toContain("evil");
  });
});

test("readiness fails when the database is away", async () => {
  const lost = await TestDatabase.create();
  const orphan = await startTestGraph({
    mode: "in one process",
    ...new Orchard(),
    db: lost.as("tenant"),
  });
  try {
    expect((await orphan.fetch("/readyz")).status).toBe(200);
    await lost.drop();
    expect((await orphan.fetch("/readyz")).status).toBe(503);
    expect((await orphan.fetch("/healthz")).status).toBe(200);
  } finally {
    await orphan.stop();
  }
});
