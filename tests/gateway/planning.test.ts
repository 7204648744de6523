import { Supergraph } from "@apollo/federation-internals";
import { ApolloServer } from "@apollo/server";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "graphql";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Gone } from "../../common/turns.ts";
import { anonymous } from "../../common/viewer.ts";
import type { GatewayContext } from "../../gateway/data-source.ts";
import { executingGateway } from "../../gateway/execution/gateway.ts";
import {
  apolloPlanner,
  type PlannedOperation,
} from "../../gateway/execution/planner.ts";
import { readKnownDocuments } from "../../gateway/known-documents.ts";
import { LocalDataSource } from "../../gateway/local-data-source.ts";
import { ThreadPlanner } from "../../gateway/planning/thread-planner.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { logTo } from "../support/log.ts";
import { Orchard } from "../support/orchard.ts";
import { times } from "../support/text.ts";

const operation = (
  query: string,
  whose = "",
  isGone = () => false,
): PlannedOperation => ({
  isGone,
  document: parse(query, { noLocation: true }),
  operationName: undefined,
  whose,
  hash: randomUUID(),
});

const quick = "{ viewer { id } }";

/** Larger than the limits allow: a fetch of its own for each of so many places takes many seconds to plan. */
const slow = `{ viewer { streams { nodes { ${times(1_500, (i) => `a${i}: tenant { id name region users { nodes { name } } }`)} } } } }`;

const examples = readKnownDocuments(
  fileURLToPath(new URL("../../examples", import.meta.url)),
);

describe("a planner in a thread of its own", () => {
  const supergraphSdl = readSupergraph();
  let planner: ThreadPlanner;
  const planMs = 1_000;

  beforeAll(() => {
    planner = new ThreadPlanner(supergraphSdl, planMs);
  });
  afterAll(() => planner.stop());

  test("makes the plans that Apollo's planner makes here", async () => {
    const here = apolloPlanner(Supergraph.build(supergraphSdl));
    expect(examples.length).toBeGreaterThan(20);
    for (const query of examples)
      expect(await planner.plan(operation(query))).toEqual(
        JSON.parse(JSON.stringify(await here.plan(operation(query)))),
      );
  });

  test("gives up an operation that takes too long, remembers it, and goes on with those behind it", async () => {
    const tooSlow = operation(slow);
    const refused = planner.plan(tooSlow).catch((error: unknown) => error);
    const behind = planner.plan(operation(quick));
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 10);
    const error = await refused;
    clearInterval(counting);
    expect(error).toMatchObject({
      message:
        "A query is planned within 1000 milliseconds; this one takes longer. Ask for less in several places, or in several requests.",
      extensions: { code: "LIMIT_EXCEEDED", limit: planMs },
    });
    // Meanwhile this thread was free for others.
    expect(turns).toBeGreaterThan(20);
    expect(await behind).toMatchObject({ kind: "QueryPlan" });
    await expect(planner.plan(tooSlow)).rejects.toBe(error);
  });

  test("lets senders take turns, and so many operations of each wait", async () => {
    await planner.plan(operation(quick));
    const order: string[] = [];
    const plan = (whose: string) =>
      planner.plan(operation(quick, whose)).then(() => order.push(whose));
    const many = Array.from({ length: 51 }, () => plan("many"));
    await expect(plan("many")).rejects.toMatchObject({
      extensions: { code: "LIMIT_EXCEEDED", limit: 50 },
    });
    await Promise.all([...many, plan("one")]);
    expect(order).toHaveLength(52);
    expect(order.indexOf("one")).toBeLessThanOrEqual(2);
  });

  test("plans nothing for a client that has gone", async () => {
    await planner.plan(operation(quick));
    const first = planner.plan(operation(quick, "one"));
    let hasGone = false;
    const gone = planner.plan(operation(quick, "two", () => hasGone));
    const last = planner.plan(operation(quick, "three"));
    hasGone = true;
    await expect(gone).rejects.toBeInstanceOf(Gone);
    expect(await Promise.all([first, last])).toHaveLength(2);
  });

  test("says what is wrong where its thread cannot start, and harms nobody else", async () => {
    const broken = new ThreadPlanner("type Query { a: Int }", planMs);
    await expect(broken.plan(operation(quick))).rejects.toThrow(/supergraph/);
    await broken.stop();
  });
});

test("known operations are planned at start, and not again when they come", async () => {
  const orchard = new Orchard();
  const { log, lines } = logTo([]);
  const dataSources = new Map(
    orchard.subgraphs.map((subgraph) => [
      subgraph.name,
      new LocalDataSource(subgraph, log),
    ]),
  );
  const planner = apolloPlanner(Supergraph.build(orchard.supergraphSdl));
  const planned: string[] = [];
  const known = "query A { ripe } query B { weights }";
  const gateway = executingGateway({
    supergraphSdl: orchard.supergraphSdl,
    planner: {
      plan(operation) {
        planned.push(operation.operationName ?? "unnamed");
        return planner.plan(operation);
      },
    },
    knownDocuments: ["{ ripe }", known, "{ gone }", "{"],
    dataSourceFor: (name) => dataSources.get(name) as LocalDataSource,
    log,
  });
  const server = new ApolloServer<GatewayContext>({ gateway });
  const ask = (query: string, operationName?: string) =>
    server.executeOperation(
      { query, ...(operationName && { operationName }) },
      {
        contextValue: {
          call: { viewer: anonymous, requestId: "1" },
          subgraphContexts: new Map(),
          cost: null,
          isGone: () => false,
          account: {
            charge: () => Promise.resolve(),
            disown: () => Promise.resolve(),
            rest: () => Promise.resolve(),
          },
        },
      },
    );
  await server.start();
  expect(planned.sort()).toEqual(["A", "B", "unnamed"]);
  expect(lines.map(({ document }) => document)).toEqual(["{ gone }", "{"]);
  for (const [query, name] of [["{ ripe }"], [known, "A"], [known, "B"]])
    expect((await ask(query as string, name)).body).toMatchObject({
      singleResult: { data: {} },
    });
  expect(planned).toHaveLength(3);
  await ask("{ weights }");
  expect(planned).toHaveLength(4);
  // Which the next supergraph plans before it is served.
  expect(gateway.documents().sort()).toEqual(
    [known, "{ ripe }", "{ weights }"].sort(),
  );
  await server.stop();
});
