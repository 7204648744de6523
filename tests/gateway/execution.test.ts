import { describe, expect, test } from "@jest/globals";
import composition from "@apollo/composition";
import type { QueryPlan } from "@apollo/query-planner";
import { getOperationAST, parse } from "graphql";
import { Supergraph } from "@apollo/federation-internals";
import { createLogger } from "../../common/log.ts";
import { PackedJson } from "../../common/packed.ts";
import { anonymous } from "../../common/viewer.ts";
import type {
  DataSource,
  Fetch,
  FetchAnswer,
} from "../../gateway/data-source.ts";
import { executingGateway } from "../../gateway/execution/gateway.ts";
import {
  apolloPlanner,
  type Planner,
} from "../../gateway/execution/planner.ts";

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])`;
const sdls = {
  streams: `${link}
    type Query { streams: [Stream!]!  others: [Stream!]! }
    type Mutation { touch: Stream!  touchAgain: Stream! }
    type Stream { id: ID!  tenant: Tenant! }
    type Tenant @key(fields: "id") { id: ID! }`,
  tenants: `${link}
    scalar Rows
    type Tenant @key(fields: "id") { id: ID!  name: String  near(first: Int): String  inner: Inner  rows: Rows }
    type Inner { id: ID! }`,
};

const { supergraphSdl = "" } = composition.composeServices(
  Object.entries(sdls).map(([name, sdl]) => ({
    name,
    url: `http://127.0.0.1/${name}`,
    typeDefs: parse(sdl),
  })),
);

const rows = new PackedJson("[1,2]");

const stream = (id: string) => ({
  id: `of ${id}`,
  tenant: { __typename: "Tenant", id },
});

/** A subgraph that knows every tenant but those called "gone". */
class Tenants implements DataSource {
  readonly asked: (readonly string[])[] = [];

  process({ request }: Fetch): Promise<FetchAnswer> {
    const { representations } = request.variables as {
      representations: { id: string }[];
    };
    const ids = representations.map(({ id }) => id);
    this.asked.push(ids);
    const errors = ids.flatMap((id, i) =>
      id.startsWith("gone")
        ? [{ message: "Not found", path: ["_entities", i, "name"] }]
        : [],
    );
    return Promise.resolve({
      data: {
        _entities: ids.map((id) => ({
          name: id.startsWith("gone") ? null : `name of ${id}`,
          near: id,
          inner: { id },
          rows,
        })),
      },
      ...(errors.length > 0 && { errors }),
    } as unknown as FetchAnswer);
  }
}

async function setUp({
  first = ["a", "b", "a", "a"],
  then = ["b", "c"],
  plannerFor = apolloPlanner,
}: {
  first?: readonly string[];
  then?: readonly string[];
  plannerFor?: typeof apolloPlanner | (() => Planner);
} = {}) {
  const tenants = new Tenants();
  const streams: DataSource = {
    process: () =>
      Promise.resolve({
        data: {
          streams: first.map(stream),
          others: then.map(stream),
          touch: stream("a"),
          touchAgain: stream("a"),
        },
      }),
  };
  const { executor } = await executingGateway({
    supergraphSdl,
    planner: plannerFor(Supergraph.build(supergraphSdl)),
    knownDocuments: [],
    log: createLogger("test", "silent"),
    dataSourceFor: (name) => (name === "tenants" ? tenants : streams),
  }).load({ apollo: {} });
  const ask = async (
    query: string,
    variables: Record<string, unknown> = {},
    operationName?: string,
  ) => {
    const document = parse(query);
    const answer = await executor?.({
      request: { query, variables, ...(operationName && { operationName }) },
      document,
      source: query,
      operation: getOperationAST(document, operationName),
      queryHash: query,
      context: {
        call: { viewer: anonymous, requestId: "1" },
        subgraphContexts: new Map(),
        cost: null,
      },
      metrics: {},
    } as unknown as Parameters<typeof executor>[0]);
    const paths = answer?.errors?.map(({ path }) => path);
    return { data: answer?.data, errors: answer?.errors ?? [], paths };
  };
  return { tenants, ask };
}

describe("The entities of a query", () => {
  test("are asked for once and found at all their places", async () => {
    const { tenants, ask } = await setUp();
    const { data } = await ask("{ streams { tenant { name } } }");
    expect(tenants.asked).toEqual([["a", "b"]]);
    expect(data).toEqual({
      streams: ["a", "b", "a", "a"].map((id) => ({
        tenant: { name: `name of ${id}` },
      })),
    });
  });

  test("are asked for no more by a fetch that selects the same", async () => {
    const { tenants, ask } = await setUp();
    const { data } = await ask(
      "{ streams { tenant { name } } others { tenant { name } } }",
    );
    expect(tenants.asked).toEqual([["a", "b"], ["c"]]);
    expect(data?.["others"]).toEqual([
      { tenant: { name: "name of b" } },
      { tenant: { name: "name of c" } },
    ]);
  });

  test.each([
    ["another selection", "tenant { near }", "tenant { name }", {}],
    [
      "other variables",
      "tenant { near(first: $a) }",
      "tenant { near(first: $b) }",
      { a: 1, b: 2 },
    ],
  ])("are asked for anew for %s", async (_what, one, other, variables) => {
    const { tenants, ask } = await setUp({ first: ["a"], then: ["a"] });
    await ask(
      `query ($a: Int, $b: Int) { streams { ${one} } others { ${other} } }`,
      variables,
    );
    expect(tenants.asked).toEqual([["a"], ["a"]]);
  });

  test("are asked for anew by another request", async () => {
    const { tenants, ask } = await setUp({ first: ["a"] });
    await ask("{ streams { tenant { name } } }");
    await ask("{ streams { tenant { name } } }");
    expect(tenants.asked).toEqual([["a"], ["a"]]);
  });

  test("are not remembered in a mutation, whose next step may change them", async () => {
    const { tenants, ask } = await setUp();
    await ask(
      "mutation { touch { tenant { name } } touchAgain { tenant { name } } }",
    );
    expect(tenants.asked).toEqual([["a"], ["a"]]);
  });

  test("keep packed columns as they are", async () => {
    const { ask } = await setUp();
    const { data } = await ask("{ streams { tenant { rows inner { id } } } }");
    const [first] = data?.["streams"] as { tenant: { rows: unknown } }[];
    expect(first?.tenant.rows).toBe(rows);
  });

  test("that are not there have their error at each place", async () => {
    const { ask } = await setUp({ first: ["gone", "a", "gone"] });
    const { data, paths } = await ask("{ streams { tenant { name } } }");
    expect(data?.["streams"]).toEqual([
      { tenant: { name: null } },
      { tenant: { name: "name of a" } },
      { tenant: { name: null } },
    ]);
    expect(paths).toEqual([
      ["streams", 0, "tenant", "name"],
      ["streams", 2, "tenant", "name"],
    ]);
  });
});

test("Errors at many places take time in proportion to them, and so many are told as are enough", async () => {
  const ids = Array.from({ length: 20_000 }, (_, i) => `gone ${i}`);
  const { ask } = await setUp({ first: ids });
  const query = "{ streams { id tenant { name } } }";
  const begun = performance.now();
  const { data, errors, paths } = await ask(query);
  // In proportion to their square it takes 8 seconds.
  expect(performance.now() - begun).toBeLessThan(3_000);
  expect(data?.["streams"]).toHaveLength(20_000);
  expect(errors).toHaveLength(1_000);
  expect(paths?.[999]).toEqual(["streams", 999, "tenant", "name"]);
});

describe("An operation", () => {
  test("of several needs no variable of another's fragment", async () => {
    const { ask } = await setUp();
    const { errors } = await ask(
      "query B { streams { id } } query A($a: Boolean!) { ...F } fragment F on Query { others @include(if: $a) { id } }",
      {},
      "B",
    );
    expect(errors).toEqual([]);
  });

  test("asks for the schema in a fragment, too", async () => {
    const { ask } = await setUp();
    const { data } = await ask(
      'query ($is: Boolean!) { ...F } fragment F on Query { ... @include(if: $is) { __type(name: "Query") { name } streams { id } } }',
      { is: true },
    );
    expect(data?.["__type"]).toEqual({ name: "Query" });
    expect(data?.["streams"]).toContainEqual({ id: "of a" });
  });

  test("is planned once, and again if its plan was refused", async () => {
    let planned = 0;
    const { ask } = await setUp({
      plannerFor: (supergraph) => {
        const planner = apolloPlanner(supergraph);
        return {
          plan(operation) {
            planned += 1;
            if (planned === 1) throw new Error("not now");
            return planner.plan(operation);
          },
        };
      },
    });
    await expect(ask("{ streams { id } }")).rejects.toThrow("not now");
    await ask("{ streams { id } }");
    await ask("{ streams { id } }");
    expect(planned).toBe(2);
  });

  test("whose plan is none of ours is executed as the stock gateway does it", async () => {
    const node = { kind: "Subscription" } as unknown as NonNullable<
      QueryPlan["node"]
    >;
    const { ask } = await setUp({
      plannerFor: () => ({
        plan: (): Promise<QueryPlan> =>
          Promise.resolve({ kind: "QueryPlan", node }),
      }),
    });
    await expect(ask("{ streams { id } }")).rejects.toThrow(
      "Execution of subscriptions not supported by gateway",
    );
  });

  test("is told what a directive needs", async () => {
    const { ask } = await setUp();
    const { errors } = await ask(
      "query ($is: Boolean = true) { streams { id @skip(if: $is) } }",
      { is: null },
    );
    expect(errors.map(({ message }) => message)).toEqual([
      "Give $is true or false: a directive needs it.",
    ]);
  });
});
