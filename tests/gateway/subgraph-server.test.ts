import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "graphql";
import { SignJWT, UnsecuredJWT } from "jose";
import type { HttpServer } from "../../common/http-server.ts";
import {
  InternalTokenSigner,
  internalTokens,
} from "../../common/internal-token.ts";
import { createLogger } from "../../common/log.ts";
import { startSubgraph } from "../../common/subgraph.ts";
import { anonymous } from "../../common/viewer.ts";
import { HttpDataSource } from "../../gateway/http-data-source.ts";
import { TestDatabase } from "../support/database.ts";
import { Orchard } from "../support/orchard.ts";
import { TestIssuer } from "../support/tokens.ts";

const internalTokenSecret = "0123456789abcdef0123456789abcdef";
const key = new TextEncoder().encode(internalTokenSecret);
const log = createLogger("test", "silent");
const identityId = "11111111-2222-4333-8444-555555555555";
const claims = { identity: identityId, tenant: null, person: null };

let database: TestDatabase;
let server: HttpServer;

beforeAll(async () => {
  database = await TestDatabase.create();
  const [subgraph] = new Orchard().subgraphs;
  if (!subgraph) throw new Error("The orchard has no subgraphs.");
  server = await startSubgraph({
    subgraph,
    db: database.as("tenant"),
    host: "127.0.0.1",
    port: 0,
    graceMs: 0,
    internalTokenSecret,
    log,
  });
});
afterAll(async () => {
  await server.stop();
  await database.drop();
});

const post = (query: string, headers: Record<string, string>) =>
  fetch(new URL("/graphql", server.url), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });

const internalToken = (token = new SignJWT(claims)) =>
  token
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("tributary-gateway")
    .setAudience("tributary-subgraph")
    .setExpirationTime("1m");

describe("a subgraph in a process of its own", () => {
  test("answers the gateway, as whom its token names", async () => {
    const token = await new InternalTokenSigner(internalTokenSecret).sign({
      ...anonymous,
      identityId,
    });
    const response = await post("{ whoCalls }", {
      authorization: `Bearer ${token}`,
    });
    expect(await response.json()).toEqual({ data: { whoCalls: identityId } });
  });

  test("learns all that the gateway knows of a caller", async () => {
    const viewer = { ...anonymous, identityId, tenantId: "a", tokenEndsAt: 9 };
    const signer = new InternalTokenSigner(internalTokenSecret);
    expect(
      await internalTokens(internalTokenSecret).read(await signer.sign(viewer)),
    ).toEqual(viewer);
  });

  test.each<[string, () => Promise<string | undefined> | string]>([
    ["nobody", () => ""],
    ["a header without a token", () => "Bearer"],
    [
      "a user's access token",
      async () => {
        const issuer = await TestIssuer.create();
        return `Bearer ${await issuer.sign({ sub: "s", identity: identityId })}`;
      },
    ],
    [
      "a token of another secret",
      async () =>
        `Bearer ${await new InternalTokenSigner("f".repeat(32)).sign(anonymous)}`,
    ],
    [
      "an expired token",
      async () =>
        `Bearer ${await internalToken().setExpirationTime("-1s").sign(key)}`,
    ],
    [
      "a token that never expires",
      async () =>
        `Bearer ${await new SignJWT(claims)
          .setProtectedHeader({ alg: "HS256" })
          .setIssuer("tributary-gateway")
          .setAudience("tributary-subgraph")
          .sign(key)}`,
    ],
    [
      "a token for something else",
      async () =>
        `Bearer ${await internalToken().setAudience("other").sign(key)}`,
    ],
    [
      "a token that nobody signed",
      () =>
        `Bearer ${new UnsecuredJWT(claims)
          .setIssuer("tributary-gateway")
          .setAudience("tributary-subgraph")
          .setExpirationTime("1m")
          .encode()}`,
    ],
  ])("refuses %s, from loopback too", async (_, authorization) => {
    const value = await authorization();
    for (const query of ["{ whoCalls }", "{ _service { sdl } }"]) {
      const response = await post(query, value ? { authorization: value } : {});
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({
        errors: [
          {
            message:
              "Only the gateway may call a subgraph; send this to the gateway.",
            extensions: { code: "UNAUTHENTICATED" },
          },
        ],
      });
    }
  });

  test("tells that it lives and is ready to anybody", async () => {
    for (const path of ["/healthz", "/readyz"])
      expect((await fetch(new URL(path, server.url))).status).toBe(200);
  });
});

describe("the internal token", () => {
  test("is one a viewer, until it is about to expire", async () => {
    const signer = new InternalTokenSigner(internalTokenSecret);
    const viewer = { ...anonymous, identityId };
    const token = await signer.sign(viewer);
    expect(await signer.sign(viewer)).toBe(token);
  });
});

describe("the way to a subgraph that", () => {
  const document = parse(
    "query ($r: [_Any!]!) { first: whoCalls ... @include(if: true) { second: whoCalls } _entities(representations: $r) { ... on Tree { ripe } } }",
  );

  /** What the gateway makes of this server's answer. */
  async function answerOf(listener: RequestListener, timeoutMs = 500) {
    const fake = createServer(listener);
    await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
    const { port } = fake.address() as AddressInfo;
    try {
      return await fetchFrom(`http://127.0.0.1:${port}/graphql`, timeoutMs);
    } finally {
      await close(fake);
    }
  }

  async function fetchFrom(url: string, timeoutMs = 500) {
    const dataSource = new HttpDataSource({
      name: "fake",
      url: new URL(url),
      tokens: new InternalTokenSigner(internalTokenSecret),
      log,
      timeoutMs,
    });
    try {
      return await dataSource.process({
        request: {
          query: "{ first: whoCalls }",
          variables: { representations: [{ id: "a" }, { id: "b" }] },
        },
        context: {
          call: { viewer: anonymous, requestId: "r" },
          subgraphContexts: new Map(),
          cost: null,
        },
        document,
      } as never);
    } finally {
      await dataSource.close();
    }
  }

  const close = (fake: Server) =>
    new Promise((resolve) => {
      fake.close(resolve);
      fake.closeAllConnections();
    });

  const failure = (code: string) => ({
    data: null,
    errors: [
      ["first"],
      ["second"],
      ["_entities", 0, "ripe"],
      ["_entities", 1, "ripe"],
    ].map((path) => ({
      message: expect.stringMatching(/^A part of the answer .+\.$/),
      path,
      extensions: { code },
    })),
  });

  test.each<[string, RequestListener]>([
    ["answers garbage", (_, response) => response.end("<html>")],
    ["answers with something else", (_, response) => response.end("[1]")],
    ["answers nothing", (_, response) => response.end()],
    ["answers null", (_, response) => response.end("null")],
    [
      "answers with errors that are none",
      (_, response) => response.end('{"data":null,"errors":"no"}'),
    ],
    [
      "answers fewer entities than it was asked for",
      (_, response) => response.end('{"data":{"_entities":[null]}}'),
    ],
    [
      "answers half",
      (_, response) => {
        response.setHeader("content-length", 100);
        response.write('{"data":{"first":');
        setTimeout(() => response.destroy(), 20);
      },
    ],
    ["hangs up", (request) => request.socket.destroy()],
    [
      "refuses the internal token",
      (_, response) => {
        response.statusCode = 401;
        response.end('{"errors":[{"message":"no"}]}');
      },
    ],
  ])("%s leads to UNAVAILABLE where its part would be", async (_, listener) => {
    expect(await answerOf(listener)).toEqual(failure("UNAVAILABLE"));
  });

  test("is down leads to UNAVAILABLE", async () => {
    const fake = createServer();
    await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
    const { port } = fake.address() as AddressInfo;
    await close(fake);
    expect(await fetchFrom(`http://127.0.0.1:${port}/graphql`)).toEqual(
      failure("UNAVAILABLE"),
    );
  });

  test.each<[string, RequestListener]>([
    ["never answers", () => undefined],
    ["never finishes", (_, response) => response.write("{") as never],
  ])("%s leads to TIMEOUT", async (_, listener) => {
    expect(await answerOf(listener, 100)).toEqual(failure("TIMEOUT"));
  });

  test("drips leads to TIMEOUT, and is asked once", async () => {
    let calls = 0;
    const began = performance.now();
    const answer = await answerOf((_, response) => {
      calls += 1;
      const whole =
        '{"data":{"first":"a","second":"b","_entities":[null,null]}}';
      let sent = 0;
      const dripping = setInterval(() => {
        response.write(whole[sent]);
        sent += 1;
        if (sent === whole.length) response.end();
      }, 50);
      response.on("close", () => clearInterval(dripping));
    }, 300);
    expect(answer).toEqual(failure("TIMEOUT"));
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(calls).toBe(1);
  });
});
