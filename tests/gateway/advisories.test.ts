import composition from "@apollo/composition";
import { Supergraph } from "@apollo/federation-internals";
import { ApolloGateway } from "@apollo/gateway";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { getOperationAST, parse } from "graphql";
import { request as send } from "node:http";
import { createLogger } from "../../common/log.ts";
import { anonymous } from "../../common/viewer.ts";
import type { DataSource, FetchAnswer } from "../../gateway/data-source.ts";
import { executingGateway } from "../../gateway/execution/gateway.ts";
import { apolloPlanner } from "../../gateway/execution/planner.ts";
import { admission, usualLimits } from "../../gateway/limits.ts";
import { ThreadPlanner } from "../../gateway/planning/thread-planner.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { TestDatabase } from "../support/database.ts";
import {
  somebody,
  startTestGraph,
  type TestGraph,
} from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { times } from "../support/text.ts";

/** Faults that were found in what the gateway is built on, each tried here so that it is seen if it comes back. */

const link = (...names: string[]) =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ${JSON.stringify(["@key", "@shareable", ...names])})`;

function compose(sdls: Record<string, string>) {
  const services = Object.entries(sdls).map(([name, sdl]) => ({
    name,
    url: `http://127.0.0.1/${name}`,
    typeDefs: parse(sdl),
  }));
  const { errors = [], supergraphSdl = "" } =
    composition.composeServices(services);
  return { faults: errors.map(({ message }) => message), supergraphSdl };
}

/** Six subgraphs that all answer everything but one field each: nothing offers a planner more ways. */
const manyWays = () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const sdl = (name: string) => `${link()}
    type Query { t: T @shareable }
    type T @key(fields: "id") {
      id: ID! @shareable  t: T @shareable  u: T @shareable  ${name}: Int
      ${names.map((other) => `s${other}: Int @shareable`).join(" ")}
    }`;
  return compose(Object.fromEntries(names.map((name) => [name, sdl(name)])))
    .supergraphSdl;
};

/** The fields of `leaf` two to the power of `lines` times, in as many lines. */
const doubling = (lines: number, leaf: string) =>
  `{ t { ...F0 } } ${times(lines, (i) => `fragment F${i} on T { t { ...F${i + 1} } u { ...F${i + 1} } }`)} fragment F${lines} on T { ${leaf} }`;

describe("the planner", () => {
  // Far more than it needs, far less than the faults took.
  const planMs = 60_000;
  let planner: ThreadPlanner;
  beforeAll(() => {
    planner = new ThreadPlanner(manyWays(), planMs);
  });
  afterAll(() => planner.stop());

  const plan = (query: string) =>
    planner.plan({
      document: parse(query, { noLocation: true }),
      operationName: undefined,
      whose: "",
      isGone: () => false,
      hash: query,
    });

  const refusal = async (query: string) => {
    const answer: unknown = await plan(query).catch((error: unknown) => error);
    return (answer as { extensions?: object }).extensions;
  };

  // CVE-2024-43414: with fields that several subgraphs share, planning went on without end, or until memory had.
  test("ends where each field can come from six subgraphs", async () => {
    const nested = (depth: number): string =>
      depth === 0
        ? "sa sb a b c d e f"
        : `sa sb sc a b t { ${nested(depth - 1)} } u { ${nested(depth - 1)} }`;
    expect(await plan(`{ t { ${nested(4)} } }`)).toMatchObject({
      kind: "QueryPlan",
    });
  });

  // CVE-2025-32030: a fragment was written out once for each of its spreads, so that a few lines doubled into millions
  // of fields.
  test("is not led to write out fragments that double with every line", async () => {
    const query = doubling(25, "a");
    expect(await refusal(query)).toMatchObject({ limit: 10_000_000 });
    // And nothing of that kind gets as far.
    expect(() => admission(usualLimits)(query, somebody)).toThrow(
      "At most 20 fields inside each other",
    );
  });

  // CVE-2025-32031: selections that no shortcut helps with, because they lie in another subgraph, were each followed
  // for every way there, without a time or a number to end it.
  test("does not follow more selections into other subgraphs than it can", async () => {
    const query = doubling(14, "a b c");
    expect(await refusal(query)).toMatchObject({ limit: 100_000 });
    expect(() => admission(usualLimits)(query, somebody)).toThrow(
      "At most 2000 fields in a query",
    );
  });
});

describe("rules of access in schemas", () => {
  // GHSA-mx7m-j9xf-62hw: a rule on an interface's field was passed by asking the object that implements it.
  test("are refused on interfaces", () => {
    const { faults } = compose({
      a: `${link("@authenticated")}
        type Query { identity: Identity }
        interface Identity { id: ID!  email: String @authenticated }
        type User implements Identity { id: ID!  email: String }`,
    });
    expect(faults).toEqual([
      expect.stringMatching(/@authenticated.*interface/s),
    ]);
  });

  // GHSA-m8jr-fxqx-8xx6: what a field needed by @requires was fetched for it past the rules on that.
  test("are required of fields that need others", () => {
    const subgraphs = (rule: string) => ({
      a: `${link("@authenticated")}
        type Query { t: T }
        type T @key(fields: "id") { id: ID!  secret: String @authenticated }`,
      b: `${link("@authenticated", "@requires", "@external")}
        type T @key(fields: "id") { id: ID!  secret: String @external  told: String @requires(fields: "secret") ${rule} }`,
    });
    expect(compose(subgraphs("")).faults).toEqual([
      expect.stringContaining("T.told"),
    ]);
    expect(compose(subgraphs("@authenticated")).faults).toEqual([]);
  });

  // Whoever may do what is decided in each subgraph, so that no way around a directive leads anywhere.
  test("are none of ours", () => {
    expect(readSupergraph()).not.toMatch(
      /@(authenticated|requiresScopes|policy)\b/,
    );
  });
});

// CVE-2026-32621: aliases, variables and subgraphs' answers with names like __proto__ wrote to Object.prototype, which
// every object of the process then had.
describe("the prototype of all objects", () => {
  const { supergraphSdl } = compose({
    trees: `${link()}
      type Query { tree(id: ID): Tree }
      type Tree @key(fields: "id") { id: ID!  name: String  neighbour: Tree }`,
    fruits: `${link()}
      type Tree @key(fields: "id") { id: ID!  fruit: Fruit }
      type Fruit { weight: Int  polluted: String }`,
  });
  /** As a subgraph that was taken over, or one that tells what somebody wrote, would answer. */
  const evil = (text: string): DataSource => ({
    process: () => Promise.resolve(JSON.parse(text) as FetchAnswer),
  });
  const word = '{ "polluted": "yes" }';
  const evilTree = `{ "__typename": "Tree", "id": "1", "name": "oak", "__proto__": ${word}, "constructor": { "prototype": ${word} } }`;
  const sourcesFor = (tree: string): Record<string, DataSource> => ({
    trees: evil(
      `{ "data": { "tree": ${tree}, "__proto__": ${tree}, "constructor": ${tree}, "prototype": ${tree} }, "__proto__": ${word} }`,
    ),
    fruits: evil(
      `{ "data": { "_entities": [{ "fruit": { "weight": 5, "__proto__": ${word} }, "__proto__": ${word}, "constructor": { "prototype": ${word} } }], "__proto__": ${word} } }`,
    ),
  });
  const harmless = `{ "__typename": "Tree", "id": "1", "name": "oak" }`;

  const executors = {
    "our executor": (sources: Record<string, DataSource>) =>
      executingGateway({
        supergraphSdl,
        planner: apolloPlanner(Supergraph.build(supergraphSdl)),
        knownDocuments: [],
        log: createLogger("test", "silent"),
        dataSourceFor: (name) => sources[name] as DataSource,
      }).load({ apollo: {} }),
    "the stock executor": (sources: Record<string, DataSource>) =>
      new ApolloGateway({
        supergraphSdl,
        buildService: ({ name }) => sources[name] as DataSource,
        logger: createLogger("test", "silent"),
      }).load(),
  };

  test.each(Object.entries(executors))(
    "is left alone by %s",
    async (_, load) => {
      const before = Reflect.ownKeys(Object.prototype);
      for (const tree of [harmless, evilTree])
        for (const query of [
          "query ($id: ID) { tree(id: $id) { name fruit { weight polluted } } }",
          "query ($__proto__: ID) { __proto__: tree(id: $__proto__) { polluted: name fruit { weight } } }",
          "query ($constructor: ID) { constructor: tree(id: $constructor) { prototype: fruit { polluted: weight } __proto__: fruit { polluted: weight } } }",
          "query ($prototype: ID) { prototype: tree(id: $prototype) { __proto__: neighbour { polluted: id } fruit { __proto__: weight } } }",
        ]) {
          const { executor } = await load(sourcesFor(tree));
          const document = parse(query);
          const variables = JSON.parse(
            `{ "__proto__": ${word}, "constructor": "1", "prototype": "1", "id": "1" }`,
          ) as Record<string, unknown>;
          await executor?.({
            request: { query, variables },
            document,
            operation: getOperationAST(document),
            queryHash: query,
            context: {
              call: { viewer: anonymous, requestId: "1" },
              subgraphContexts: new Map(),
              cost: null,
            },
            metrics: {},
          } as unknown as Parameters<NonNullable<typeof executor>>[0]).catch(
            () => "refused, which is as good",
          );
          const after = Reflect.ownKeys(Object.prototype);
          // Or no other test would run.
          for (const key of after)
            if (!before.includes(key))
              Reflect.deleteProperty(Object.prototype, key);
          expect(after).toEqual(before);
        }
    },
  );
});

describe("the endpoint", () => {
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

  // CVE-2026-23897: bodies were decoded from whatever charset their sender named, some of which took for ever.
  test.each([
    "utf-7",
    "utf-16le",
    "utf-32be",
    "iso-2022-jp",
    "shift_jis",
    "hz",
    "x-user-defined",
    "utf-8; charset=utf-7",
    "utf-8".repeat(20),
  ])("reads no body in a charset of its own: %s", async (charset) => {
    const response = await graph.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": `application/json; charset=${charset}` },
      body: '{"query":"{ripe}"}',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: "BAD_REQUEST" } }],
    });
  });

  test.each(["", ";charset=utf-8", '; charset="UTF-8"'])(
    "reads one of application/json%s",
    async (charset) => {
      const response = await graph.fetch("/graphql", {
        method: "POST",
        headers: { "content-type": `application/json${charset}` },
        body: '{"query":"{ripe}"}',
      });
      expect(await response.json()).toEqual({ data: { ripe: 7 } });
    },
  );

  // GHSA-9q82-xgwf-vj6h: a browser sent queries by GET with a content type of its own making, without asking first, and
  // the guard against other sites' requests took the odd type for a sign that it had asked.
  test.each([
    "text/plain",
    "text/plain;",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/graphql",
    "application/json2",
    "application/octet-stream, text/plain",
    "nonsense",
    "/",
    ";",
    " ",
  ])("answers no GET with the content type %s", async (contentType) => {
    const url = new URL("/graphql?query={ripe}", graph.url);
    const authorization = `Bearer ${await graph.issuer.tokenFor(somebody)}`;
    for (const headers of [{}, { "apollo-require-preflight": "1" }]) {
      // fetch takes away what is no content type.
      const status = await new Promise((resolve, reject) =>
        send(
          url,
          {
            headers: { authorization, ...headers, "content-type": contentType },
          },
          (response) => resolve(response.resume().statusCode),
        )
          .once("error", reject)
          .end(),
      );
      expect([400, 415]).toContain(status);
    }
  });
});
