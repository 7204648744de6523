import { describe, expect, test } from "@jest/globals";
import { OperationTypeNode } from "graphql";
import { PackedJson } from "../../common/packed.ts";
import { anonymous } from "../../common/viewer.ts";
import type {
  DataSource,
  Fetch,
  FetchAnswer,
  GatewayContext,
} from "../../gateway/data-source.ts";
import { askingOnce } from "../../gateway/entities.ts";

const names =
  "{_entities(representations:$representations){...on Tenant{name}}}";
const rows = new PackedJson("[1,2]");

/** A subgraph that knows every tenant but the one called "gone". */
class Tenants implements DataSource {
  readonly asked: (readonly string[])[] = [];

  process(fetch: Fetch): Promise<FetchAnswer> {
    const { representations } = fetch.request.variables as {
      representations: { id: string }[];
    };
    const ids = representations.map(({ id }) => id);
    this.asked.push(ids);
    const errors = ids.flatMap((id, i) =>
      id === "gone" ? [{ message: "Not found", path: ["_entities", i] }] : [],
    );
    return Promise.resolve({
      data: {
        _entities: ids.map((id) =>
          id === "gone" ? null : { name: `name of ${id}`, inner: { id }, rows },
        ),
      },
      ...(errors.length > 0 && { errors }),
    } as unknown as FetchAnswer);
  }
}

const oneRequest = (): GatewayContext => ({
  call: { viewer: anonymous, requestId: "1" },
  subgraphContexts: new Map(),
});

function setUp(operation = OperationTypeNode.QUERY) {
  const tenants = new Tenants();
  const dataSource = askingOnce(tenants);
  const context = oneRequest();
  const find = async (
    ids: readonly string[],
    {
      query = `query Page__tenant__1($representations:[_Any!]!)${names}`,
      variables = {},
      within = context,
    } = {},
  ) => {
    const representations = ids.map((id) => ({ __typename: "Tenant", id }));
    const { data, errors } = await dataSource.process({
      context: within,
      request: { query, variables: { ...variables, representations } },
      incomingRequestContext: { operation: { operation } },
    } as unknown as Fetch);
    const entities = data?.["_entities"] as ({
      name: string;
      inner: Record<string, unknown>;
      rows: unknown;
    } | null)[];
    return { entities, errors };
  };
  return { tenants, find };
}

describe("The entities of a query", () => {
  test("are asked for once and found at all their places", async () => {
    const { tenants, find } = setUp();
    const { entities } = await find(["a", "b", "a", "a"]);
    expect(tenants.asked).toEqual([["a", "b"]]);
    expect(entities.map((entity) => entity?.name)).toEqual(
      ["a", "b", "a", "a"].map((id) => `name of ${id}`),
    );
  });

  test("are asked for no more by a later fetch that selects the same", async () => {
    const { tenants, find } = setUp();
    const query = `query Page__tenant__3($representations:[_Any!]!)${names}`;
    const [, { entities }] = await Promise.all([
      find(["a", "b"]),
      find(["b", "c"], { query }),
    ]);
    expect(tenants.asked).toEqual([["a", "b"], ["c"]]);
    expect(entities.map((entity) => entity?.name)).toEqual([
      "name of b",
      "name of c",
    ]);
  });

  test.each([
    [
      "another selection",
      {
        query: `query($representations:[_Any!]!){_entities(representations:$representations){...on Tenant{id}}}`,
      },
    ],
    ["other variables", { variables: { first: 1 } }],
    ["another request", { within: oneRequest() }],
  ])("are asked for anew for %s", async (_what, other) => {
    const { tenants, find } = setUp();
    await find(["a"]);
    await find(["a"], other);
    expect(tenants.asked).toEqual([["a"], ["a"]]);
  });

  test("are not remembered in a mutation, whose next step may change them", async () => {
    const { tenants, find } = setUp(OperationTypeNode.MUTATION);
    await find(["a", "a"]);
    await find(["a"]);
    expect(tenants.asked).toEqual([["a"], ["a"]]);
  });

  test("share nothing that the gateway could write into, and keep packed columns as they are", async () => {
    const { find } = setUp();
    const {
      entities: [first, second],
    } = await find(["a", "a"]);
    if (first) first.inner["more"] = true;
    expect(second).toEqual({ name: "name of a", inner: { id: "a" }, rows });
    expect(second?.rows).toBe(rows);
  });

  test("that are not there have their error at each place", async () => {
    const { find } = setUp();
    const { entities, errors } = await find(["gone", "a", "gone"]);
    expect(entities.map((entity) => entity?.name)).toEqual([
      undefined,
      "name of a",
      undefined,
    ]);
    expect(errors?.map(({ path }) => path)).toEqual([
      ["_entities", 0],
      ["_entities", 2],
    ]);
  });
});
