import { describe, expect, test } from "@jest/globals";
import { Supergraph } from "@apollo/federation-internals";
import { ApolloGateway } from "@apollo/gateway";
import type { QueryPlan } from "@apollo/query-planner";
import {
  parse,
  validate,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLError,
} from "graphql";
import { anonymous } from "../../common/viewer.ts";
import { isDeepStrictEqual } from "node:util";
import { createLogger } from "../../common/log.ts";
import { executingGateway } from "../../gateway/execution/gateway.ts";
import { apolloPlanner } from "../../gateway/execution/planner.ts";
import { casesOr } from "../support/cases.ts";
// Keeps the stock gateway from reporting its environment to its makers.
import "../support/gateway.ts";
import { graphs } from "./equality/graphs.ts";
import {
  composeMadeUp,
  dataSourcesOf,
  executeAlone,
  type MadeUp,
} from "./equality/made-up.ts";
import { generate, type Generated } from "./equality/operations.ts";

type Executor = ApolloGateway["executor"];

interface Case extends Generated {
  readonly number: number;
  readonly document: DocumentNode;
}

/** What a client can tell apart; errors come in any order. */
interface Comparable {
  readonly data: unknown;
  readonly errors: readonly string[];
  /** Where a value was none of its type, which is for the authors of subgraphs. */
  readonly completion: readonly string[];
}

const inAnyOrder = (errors: unknown, say: (error: GraphQLError) => unknown) =>
  ((errors ?? []) as GraphQLError[])
    .map((error) => JSON.stringify(say(error)))
    .sort();

const comparable = ({
  data,
  errors,
  extensions,
}: ExecutionResult): Comparable => ({
  data: JSON.parse(JSON.stringify(data ?? null)) as unknown,
  errors: inAnyOrder(errors, ({ message, path, extensions: { code } }) => [
    ...[path, message, code],
  ]),
  completion: inAnyOrder(extensions?.["valueCompletion"], ({ path }) => path),
});

/**
 * What fails for all entities of a fetch stands at the first of them: the stock gateway gives a path with `@` and
 * `_entities`, for which no client has asked.
 */
function isMovedOnly(stock: Comparable, ours: Comparable): boolean {
  const isMoved = (error: string) => error.includes('"_entities"]');
  const say = (error: string) =>
    JSON.stringify((JSON.parse(error) as unknown[]).slice(1));
  const others = stock.errors.filter((error) => !isMoved(error));
  const left = ours.errors.filter((error) => !others.includes(error));
  return (
    isDeepStrictEqual(
      { ...stock, errors: others.length },
      { ...ours, errors: ours.errors.length - left.length },
    ) &&
    isDeepStrictEqual(
      stock.errors.filter(isMoved).map(say).sort(),
      left.map(say).sort(),
    )
  );
}

async function setUp(madeUp: MadeUp) {
  const supergraphSdl = composeMadeUp(madeUp);
  const ways = dataSourcesOf(madeUp);
  const dataSourceFor = (name: string) => {
    const dataSource = ways.get(name);
    if (!dataSource) throw new Error(`There is no ${name}.`);
    return dataSource;
  };
  // Both execute the same plan.
  const plans = new Map<string, QueryPlan>();
  const log = createLogger("test", "silent");
  const planner = apolloPlanner(Supergraph.build(supergraphSdl));
  const planOf = (hash: string) => plans.get(hash) as QueryPlan;
  const gateway = executingGateway({
    supergraphSdl,
    planner: { plan: ({ hash }) => Promise.resolve(planOf(hash)) },
    knownDocuments: [],
    log,
    dataSourceFor,
  });
  const { executor } = await gateway.load({ apollo: {} });
  const stock = new ApolloGateway({
    supergraphSdl,
    buildService: ({ name }) => dataSourceFor(name ?? ""),
    queryPlannerConfig: {
      cache: {
        get: (hash) => Promise.resolve(planOf(hash)),
        set: () => Promise.reject(new Error("A plan was made twice.")),
        delete: () => Promise.resolve(true),
        clear: () => undefined,
      },
    },
    logger: log,
  });
  await stock.load();
  const schema = Supergraph.build(supergraphSdl)
    .apiSchema()
    .toGraphQLJSSchema();
  const alone = executeAlone(madeUp, schema);
  const by = (execute: unknown) => async (asked: Case) => {
    const { number, query, variables, document } = asked;
    return comparable(
      await (execute as Executor)({
        request: { query, variables },
        document,
        queryHash: String(number),
        context: { call: { viewer: anonymous, requestId: "1" } },
        source: query,
        metrics: {},
      } as unknown as Parameters<Executor>[0]),
    );
  };
  return {
    schema,
    /** Apollo's planner fails at some operations on an interface that is one object elsewhere. */
    isPlanned: async ({ number, document }: Case) => {
      const hash = String(number);
      const asked = {
        ...{ document, operationName: undefined, hash },
        ...{ whose: "", isGone: () => false },
      };
      const plan = await planner.plan(asked).catch(() => undefined);
      if (plan) plans.set(hash, plan);
      return plan !== undefined;
    },
    ours: by(executor),
    stock: by(stock.executor),
    alone: async ({ document, variables }: Case) =>
      comparable(await alone(document, variables)),
    stop: () => stock.stop(),
  };
}

describe("A plan is executed as the stock gateway does it", () => {
  test.each(Object.entries(graphs))("over %s", async (_name, madeUp) => {
    const { schema, isPlanned, ours, stock, alone, stop } = await setUp(madeUp);
    const wanted = Math.ceil(casesOr(180) / Object.keys(graphs).length);
    const unexplained: unknown[] = [];
    let compared = 0;
    for (let number = 0; compared < wanted; number += 1) {
      const generated = generate(schema, number);
      const document = parse(generated.query);
      if (validate(schema, document).length > 0) continue;
      const asked = { ...generated, number, document };
      if (!(await isPlanned(asked))) continue;
      compared += 1;
      const answer = await ours(asked);
      const expected = await stock(asked);
      if (
        isDeepStrictEqual(answer, expected) ||
        isMovedOnly(expected, answer) ||
        // Where they differ otherwise, one schema decides.
        isDeepStrictEqual(answer, await alone(asked))
      )
        continue;
      unexplained.push({ ...generated, number, answer, expected });
    }
    await stop();
    expect(unexplained).toEqual([]);
  });
});
