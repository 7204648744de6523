import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { randomUUID } from "node:crypto";
import { addressOf, networkOf } from "../../common/address.ts";
import type { CallHandler } from "../../common/call-handler.ts";
import { EnvironmentReader } from "../../common/config.ts";
import { unauthenticated } from "../../common/errors.ts";
import { send } from "../../common/http-server.ts";
import { createLogger } from "../../common/log.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { bounded, memoryCounter } from "../../gateway/budgets/counter.ts";
import { readBudgetStore } from "../../gateway/budgets/counters.ts";
import {
  readBudgetLimits,
  usualBudgets,
} from "../../gateway/budgets/limits.ts";
import { trustOutside } from "../../issuer/issuers.ts";
import { usualKeyTimes } from "../../issuer/outside/keys.ts";
import { TestDatabase } from "../support/database.ts";
import {
  noBudgets,
  startTestGraph,
  type TestGraph,
} from "../support/gateway.ts";
import { TestOutsideIssuer } from "../support/outside-issuer.ts";
import { Seed } from "../support/seed.ts";
import { Orchard } from "../support/orchard.ts";

/** A request is 10, a tree 1 and `trees` 5 of them, a mutation 100 and its tree. */
const budgetLimits = {
  windowSeconds: 60,
  identity: 300,
  tenant: 500,
  address: 100,
};
const cheap = "{ ripe }";
const plant = 'mutation { plant(name: "oak") { name } }';

const orchard = new Orchard();
/** What came to the other doors. */
let passed = 0;

const door: CallHandler = (_, response, { viewer }) => {
  passed += 1;
  if (orchard.gone.has(viewer.identityId)) throw unauthenticated();
  send(response, 200, "text/plain", "taken");
  return Promise.resolve();
};

let database: TestDatabase;
let graph: TestGraph;
let outside: TestOutsideIssuer;
const email = "ada@volute.example";
beforeAll(async () => {
  database = await TestDatabase.create();
  outside = await TestOutsideIssuer.start();
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  await seed.user(tenant, [], email);
  graph = await startTestGraph({
    mode: "in one process",
    supergraphSdl: orchard.supergraphSdl,
    subgraphs: orchard.subgraphs.map((subgraph) => ({
      ...subgraph,
      routes: {
        "/ingest": door,
        "/data/streams/*": door,
      },
    })),
    db: database.as("tenant"),
    budgetLimits,
    pacedBy: noBudgets,
    trusted: trustOutside(
      [outside.trustedFor({ tenants: [tenant.uuid] })],
      { db: database.as("issuer"), log: createLogger("test", "silent") },
      { ...usualKeyTimes, pauseMs: 0 },
    ),
    oidc: (_, response) => {
      passed += 1;
      response.end("a token");
    },
  });
});
afterAll(async () => {
  await graph.stop();
  await outside.stop();
  await database.drop();
});

let address: string;
let count = 0;
beforeEach(() => {
  address = `10.0.0.${(count += 1)}`;
});

const somebodyOf = (tenantId: string): Viewer => ({
  ...anonymous,
  identityId: randomUUID(),
  tenantId,
});
const somebody = () => somebodyOf(randomUUID());

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly code: string | undefined;
  readonly error:
    { readonly message: string; readonly extensions: object } | undefined;
}

/** Asks from the address of the test, which a proxy tells. */
async function ask(
  who: Viewer | string,
  query: string,
  from = address,
): Promise<Asked> {
  const token =
    typeof who === "string" ? who : await graph.issuer.tokenFor(who);
  return answered(
    await fetch(new URL("/graphql", graph.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-forwarded-for": `1.2.3.4, ${from}`,
        ...(token !== null && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query }),
    }),
  );
}

async function answered(response: Response): Promise<Asked> {
  const text = await response.text();
  const { errors } = (text.startsWith("{") ? JSON.parse(text) : {}) as {
    errors?: { message: string; extensions: { code: string } }[];
  };
  const [error] = errors ?? [];
  const { status, headers } = response;
  return { status, headers, code: error?.extensions.code, error };
}

/** How many of so many requests are served. */
async function served(
  times: number,
  work: () => Promise<Asked>,
): Promise<number> {
  let served = 0;
  for (let i = 0; i < times; i++)
    if ((await work()).status === 200) served += 1;
  return served;
}

/** Nobody was asked anything. */
async function nothingDone<T>(work: () => Promise<T>): Promise<T> {
  const before = { ...orchard.contexts, passed };
  const answer = await work();
  expect({ ...orchard.contexts, passed }).toEqual(before);
  return answer;
}

const upload = async (who: Viewer) =>
  answered(
    await fetch(new URL("/ingest", graph.url), {
      method: "POST",
      headers: {
        authorization: `Bearer ${await graph.issuer.tokenFor(who)}`,
        "x-forwarded-for": address,
      },
      body: "time,value",
    }),
  );

test("each answer tells the budgets, and what is left of them", async () => {
  const { headers } = await ask(somebody(), "{ trees { name } }");
  expect(headers.get("ratelimit-policy")).toBe(
    '"identity";q=300;qu="points";w=60, "tenant";q=500;qu="points";w=60',
  );
  expect(headers.get("ratelimit")).toBe(
    '"identity";r=285;t=60, "tenant";r=485;t=60',
  );
  const stranger = await ask(anonymous, "{ __typename }");
  expect(stranger.headers.get("ratelimit")).toBe('"address";r=90;t=60');
});

test("what costs more than is left is refused before anything is done, and what costs less is not", async () => {
  const who = somebody();
  expect(await served(2, () => ask(who, plant))).toBe(2);
  const { status, headers, error } = await nothingDone(() => ask(who, plant));
  expect(status).toBe(429);
  expect(headers.get("retry-after")).toBe("60");
  expect(headers.get("ratelimit")).toBe('"identity";r=70;t=60');
  expect(error).toMatchObject({
    message:
      "At most 300 points of cost in 60 seconds for one identity; with this request it is 330. Send it again in 60 seconds, or ask for less: the header tributary-cost tells what an operation costs.",
    extensions: {
      code: "RATE_LIMITED",
      limit: 300,
      value: 330,
      retryAfterSeconds: 60,
    },
  });
  // It was charged that it asked, and no more.
  expect((await ask(who, cheap)).headers.get("ratelimit")).toContain(
    '"identity";r=60;',
  );
});

test("who has nothing left is refused slowly, and by its headers alone", async () => {
  const who = somebody();
  await served(30, () => ask(who, cheap));
  const begun = performance.now();
  expect((await nothingDone(() => ask(who, "{"))).status).toBe(429);
  expect(performance.now() - begun).toBeGreaterThan(90);
});

test("many cheap requests cost something too, those among them that are not valid", async () => {
  const who = somebody();
  for (let i = 0; i < 15; i++) await ask(who, i % 2 ? "{" : "{ nothing }");
  expect(await served(20, () => ask(who, cheap))).toBe(15);
  const refused = await nothingDone(() => ask(who, plant));
  expect(refused).toMatchObject({ status: 429, code: "RATE_LIMITED" });
});

test("one identity does not use up what its tenant has, and many do not get past it", async () => {
  const tenantId = randomUUID();
  const greedy = somebodyOf(tenantId);
  expect(await served(50, () => ask(greedy, cheap))).toBe(30);
  const others = await Promise.all(
    Array.from({ length: 50 }, () => ask(somebodyOf(tenantId), cheap)),
  );
  expect(others.filter(({ status }) => status === 200)).toHaveLength(20);
  const refused = await nothingDone(() => ask(somebodyOf(tenantId), plant));
  expect(refused.error?.message).toContain(
    "At most 500 points of cost in 60 seconds for one tenant",
  );
  expect((await ask(somebody(), plant)).status).toBe(200);
});

test("what the tenant refuses is given back to the identity", async () => {
  const tenantId = randomUUID();
  for (const who of [somebodyOf(tenantId), somebodyOf(tenantId)])
    await served(2, () => ask(who, plant));
  const who = somebodyOf(tenantId);
  expect((await ask(who, plant)).error?.message).toContain("one tenant");
  expect((await ask(who, cheap)).headers.get("ratelimit")).toContain(
    '"identity";r=280;',
  );
});

describe("who has been removed, and has a token yet,", () => {
  const removedFrom = (tenantId: string): Viewer => {
    const who = somebodyOf(tenantId);
    orchard.gone.add(who.identityId);
    return who;
  };
  const left = async (tenantId: string) =>
    (await ask(somebodyOf(tenantId), cheap, "10.2.0.1")).headers.get(
      "ratelimit",
    );

  test("uses up its address's budget and its own, not what its tenant has", async () => {
    const tenantId = randomUUID();
    const who = removedFrom(tenantId);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ask(who, "{ whoCalls }")),
    );
    expect(answers.map(({ code }) => code)).toEqual(
      Array(4).fill("UNAUTHENTICATED"),
    );
    for (let i = 0; i < 20; i++) await ask(who, "{ whoCalls }");
    expect((await ask(who, cheap)).error?.message).toContain("one address");
    expect(await left(tenantId)).toContain('"tenant";r=490;');
  });

  test("is found out at the other doors too", async () => {
    const tenantId = randomUUID();
    const who = removedFrom(tenantId);
    expect((await upload(who)).status).toBe(401);
    expect((await ask(who, cheap)).error?.message).toContain("one address");
    expect(await left(tenantId)).toContain('"tenant";r=490;');
  });
});

describe("who comes with a token of an outside issuer", () => {
  /** How often its keys were asked for, and its users. */
  const lookUps = async (work: () => Promise<unknown>) => {
    const before = outside.asked;
    let users = 0;
    const count = () => (users += 1);
    const db = database.as("issuer").on("query", count);
    await work();
    db.off("query", count);
    return { keys: outside.asked - before, users };
  };
  const signed = () => outside.sign({ sub: "ada", email });

  test("and is known, is refused for the budget without being looked up", async () => {
    const token = await signed();
    const first = await lookUps(() => ask(token, cheap));
    expect(first).toEqual({ keys: 1, users: expect.any(Number) });
    expect(await lookUps(() => ask(token, cheap))).toEqual({
      keys: 0,
      users: 1,
    });
    expect(await served(50, () => ask(token, cheap))).toBe(28);
    const refused = async () =>
      expect(await ask(token, cheap)).toMatchObject({
        status: 429,
        error: { message: expect.stringContaining("one identity") },
      });
    expect(await nothingDone(() => lookUps(refused))).toEqual({
      keys: 0,
      users: 0,
    });
  });

  test("has the keys asked for only while its address has something left", async () => {
    await outside.rotate();
    await served(10, () => ask(anonymous, "{ __typename }"));
    const token = await signed();
    const refused = async () =>
      expect(await ask(token, cheap)).toMatchObject({
        status: 429,
        error: { message: expect.stringContaining("one address") },
      });
    expect(await lookUps(refused)).toEqual({ keys: 0, users: 0 });
    const elsewhere = await lookUps(() => ask(token, cheap, "10.1.1.3"));
    expect(elsewhere).toMatchObject({ keys: 1 });
  });
});

describe("an address", () => {
  test("has so many requests of nobody", async () => {
    expect(await served(20, () => ask(anonymous, "{ __typename }"))).toBe(10);
    expect(await ask(anonymous, "{ __typename }")).toMatchObject({
      status: 429,
      code: "RATE_LIMITED",
    });
    expect((await ask(anonymous, "{ __typename }", "10.1.1.1")).status).toBe(
      200,
    );
  });

  test("that sends bad tokens is not believed another, while the known ones go on", async () => {
    const known = somebody();
    await ask(known, cheap);
    const codes = new Map<string | undefined, number>();
    for (let i = 0; i < 20; i++) {
      const { code } = await ask(`bad.token.${i}`, cheap);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect([...codes]).toEqual([
      ["UNAUTHENTICATED", 10],
      ["RATE_LIMITED", 10],
    ]);
    expect((await ask(known, cheap)).status).toBe(200);
    const fresh = somebody();
    expect((await nothingDone(() => ask(fresh, cheap))).status).toBe(429);
    expect((await ask(fresh, cheap, "10.1.1.2")).status).toBe(200);
  });

  test("answers for a person without a tenant, and for an identity whose tenant is not told", async () => {
    const person = { id: randomUUID(), email: "a@example.com", name: null };
    const { headers } = await ask({ ...anonymous, person }, cheap);
    expect(headers.get("ratelimit")).toBe(
      '"identity";r=290;t=60, "address";r=90;t=60',
    );
    const identity = { ...anonymous, identityId: randomUUID() };
    expect((await ask(identity, cheap)).headers.get("ratelimit")).toBe(
      '"identity";r=290;t=60, "address";r=80;t=60',
    );
  });

  test.each([
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true],
    ["2001:DB8:0001:2::1", "2001:db8:1:2::1", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["192.0.2.1", "192.0.2.2", false],
  ])("%s is counted with %s: %s", (one, other, isSame) => {
    expect(networkOf(one) === networkOf(other)).toBe(isSame);
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:5678", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["[::ffff:192.0.2.1]:443", "192.0.2.1"],
    ["unknown", "127.0.0.1"],
    ["192.0.2.1:5678:9", "127.0.0.1"],
  ])("that a proxy writes as %s is %s", (written, address) => {
    const request = {
      headers: { "x-forwarded-for": `1.2.3.4, ${written}` },
      socket: { remoteAddress: "::ffff:127.0.0.1" },
    } as unknown as Parameters<typeof addressOf>[0];
    expect(addressOf(request, { trustProxy: true })).toBe(address);
  });

  describe("is one of so many that are counted apart:", () => {
    const addresses = (max: number) => {
      const counter = bounded(memoryCounter(60), 60, max);
      return async (address: string) =>
        (await counter.add(networkOf(address), 1)).points;
    };
    const inLine = async (
      points: (address: string) => Promise<number>,
      ...addresses: string[]
    ) => {
      const counted = [];
      for (const address of addresses) counted.push(await points(address));
      return counted;
    };

    test.each([
      ["/48", "2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:2:2::1"],
      ["/16", "192.0.2.1", "192.0.3.1", "192.1.2.1"],
    ])("others of a %s are one", async (_, one, neighbour, stranger) => {
      const points = addresses(2);
      await inLine(points, "10.0.0.1", "10.0.0.2");
      expect(await inLine(points, one, neighbour, one)).toEqual([1, 2, 3]);
      expect(await inLine(points, stranger, stranger)).toEqual([1, 2]);
      expect(await points("10.0.0.1")).toBe(2);
    });

    test.each([
      ["/32", "2001:db8:1:2::1", "2001:db8:3:2::1", "2001:db9:1::1"],
      ["/8", "192.0.2.1", "192.2.3.1", "193.1.2.1"],
    ])(
      "others of a %s when so many wider ones are counted apart",
      async (_, one, neighbour, stranger) => {
        const points = addresses(2);
        await inLine(points, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.0.3");
        expect(await inLine(points, one, neighbour)).toEqual([1, 2]);
        expect(await points(stranger)).toBe(1);
        expect(await points("10.0.0.4")).toBe(2);
      },
    );

    test("what no network tells apart any more is one", async () => {
      const points = addresses(1);
      await inLine(points, "10.0.0.1", "10.0.0.2", "10.1.0.2");
      expect(await inLine(points, "192.0.2.1", "2001:db8::1")).toEqual([1, 2]);
      expect(await points("10.0.0.1")).toBe(2);
    });

    test("who floods from one of them refuses nobody elsewhere", async () => {
      const points = addresses(100);
      for (let i = 0; i < 10_000; i++)
        await points(`2001:db8:0:${i.toString(16)}::1`);
      expect(await points("2001:db8:0:0::2")).toBe(2);
      expect(await points("2001:db8:0:ffff::2")).toBe(9_901);
      const others = Array.from({ length: 50 }, (_, i) => `198.${i}.1.1`);
      expect(new Set(await inLine(points, ...others))).toEqual(new Set([1]));
    });
  });
});

describe("other doors", () => {
  const download = async (who: Viewer) =>
    answered(
      await fetch(new URL(`/data/streams/${randomUUID()}`, graph.url), {
        headers: {
          authorization: `Bearer ${await graph.issuer.tokenFor(who)}`,
          "x-forwarded-for": address,
        },
      }),
    );

  test.each([
    ["events", upload],
    ["files", download],
  ])("for %s are charged by the request", async (_, ask) => {
    const who = somebody();
    const { headers } = await ask(who);
    expect(headers.get("ratelimit")).toContain('"identity";r=190;');
    expect(await served(3, () => ask(who))).toBe(1);
    expect(await nothingDone(() => ask(who))).toMatchObject({
      status: 429,
      code: "RATE_LIMITED",
    });
  });

  test("for tokens are charged to the address", async () => {
    const token = () =>
      fetch(new URL("/oidc/token", graph.url), {
        method: "POST",
        headers: { "x-forwarded-for": address },
      });
    for (let i = 0; i < 10; i++)
      expect(await (await token()).text()).toBe("a token");
    const refused = await nothingDone(token);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(await refused.json()).toMatchObject({
      error: "temporarily_unavailable",
      error_description: expect.stringContaining("one address"),
    });
  });

  test.each(["/", `/invitation/${"x".repeat(43)}`])(
    "for the page %s are charged to the address",
    async (path) => {
      const page = async () => {
        const response = await fetch(new URL(path, graph.url), {
          headers: { "x-forwarded-for": address },
        });
        await response.body?.cancel();
        return response.status;
      };
      for (let i = 0; i < 10; i++) expect(await page()).toBe(200);
      expect(await page()).toBe(429);
    },
  );
});

test("pages of other origins may read what is left", async () => {
  const response = await graph.fetch("/graphql?query={__typename}", {
    headers: {
      origin: "https://allowed.example",
      "apollo-require-preflight": "1",
      "x-forwarded-for": address,
    },
  });
  expect(response.headers.get("access-control-expose-headers")).toBe(
    "x-request-id, ratelimit-policy, ratelimit, retry-after",
  );
});

describe("the settings", () => {
  const read = (env: Record<string, string>, maxCost = 50_000) => {
    const reader = new EnvironmentReader(env);
    return reader.done({
      limits: readBudgetLimits(reader, maxCost),
      store: readBudgetStore(reader),
    });
  };

  test("are the usual ones, with room for the dearest operation", () => {
    expect(read({})).toEqual({ limits: usualBudgets, store: "memory" });
    expect(read({}, 5_000_000).limits.address).toBe(5_000_010);
    expect(read({ BUDGET_STORE: "redis://127.0.0.1:1" }).store).toEqual(
      new URL("redis://127.0.0.1:1"),
    );
  });

  test.each([
    [{ BUDGET_OF_IDENTITY: "50000" }, "BUDGET_OF_IDENTITY must be a whole"],
    [{ BUDGET_SECONDS: "0" }, "BUDGET_SECONDS must be a whole number"],
    [{ BUDGET_STORE: "disk" }, "BUDGET_STORE must be memory, postgresql or"],
  ])("%j are refused", (env, fault) => {
    expect(() => read(env)).toThrow(fault);
  });
});
