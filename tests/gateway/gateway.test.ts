import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Logger } from "../../common/log.ts";
import { anonymous } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { modes, startTestGraph, type TestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { logTo } from "../support/log.ts";

const identityId = "11111111-2222-4333-8444-555555555555";
const viewer = { ...anonymous, identityId };

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

describe.each(modes)("%s", (mode) => {
  let orchard: Orchard;
  let graph: TestGraph;
  let log: Logger;
  let lines: Record<string, unknown>[];

  beforeAll(async () => {
    orchard = new Orchard();
    ({ log, lines } = logTo([]));
    graph = await startTestGraph({
      mode,
      ...orchard,
      db: database.as("tenant"),
      log,
    });
  });
  afterAll(() => graph.stop());
  beforeEach(() => {
    lines.length = 0;
    orchard.packed = "[1,null,2.5]";
  });

  test("an entity's fields come from both subgraphs", async () => {
    const { data, errors } = await graph.request(
      viewer,
      "{ trees { name fruit { weight caller } } }",
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      trees: [
        { name: "apple", fruit: { weight: 5, caller: identityId } },
        { name: "pear", fruit: { weight: 4, caller: identityId } },
        { name: "elm", fruit: null },
        { name: "cherry", fruit: { weight: 6, caller: identityId } },
      ],
    });
  });

  test.each([
    ["an identity", viewer, identityId],
    [
      "a person without a tenant",
      {
        ...anonymous,
        person: { id: "p", email: "ada@example.com", name: null },
      },
      "ada@example.com",
    ],
  ])("a subgraph learns that %s calls", async (_, caller, expected) => {
    const { data } = await graph.request(caller, "{ whoCalls }");
    expect(data).toEqual({ whoCalls: expected });
  });

  test("an anonymous caller is told to sign in before anything is planned", async () => {
    const { data, errors } = await graph.request(anonymous, "{ ripe }");
    expect(data).toBeNull();
    expect(errors.map(({ extensions }) => extensions.code)).toEqual([
      "UNAUTHENTICATED",
    ]);
    expect(await graph.request(anonymous, "{ __typename }")).toEqual({
      data: { __typename: "Query" },
      errors: [],
    });
  });

  test("one request has one id everywhere", async () => {
    const response = await graph.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ requestIds fruitRequestIds }" }),
    });
    const { data } = (await response.json()) as { data: object };
    const ids = [response.headers.get("x-request-id")];
    expect(data).toEqual({ requestIds: ids, fruitRequestIds: ids });
  });

  test("packed columns leave as real arrays", async () => {
    const { data } = await graph.request(
      viewer,
      "{ weights trees { harvest } }",
    );
    expect(data).toMatchObject({
      weights: [1, null, 2.5],
      trees: [{ harvest: [1, null, 2.5] }, {}, { harvest: null }, {}],
    });
  });

  test("a text value that imitates a hole stays a text", async () => {
    const texts = [
      '"',
      '""',
      "\u0000",
      "$&",
      "[1]",
      '{"text":"[1]"}',
      "AAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    orchard.packed = JSON.stringify(texts);
    const { data } = await graph.request(
      viewer,
      '{ weights again: weights tree(id: "apple") { harvest } }',
    );
    expect(data).toEqual({
      weights: texts,
      again: texts,
      tree: { harvest: texts },
    });
  });

  test("a refusal passes with its code, message and path, and costs its own field only", async () => {
    const { data, errors } = await graph.request(
      viewer,
      '{ refused ripe oak: tree(id: "oak") { name } trees { name sour } }',
    );
    expect(data).toMatchObject({
      refused: null,
      ripe: 7,
      oak: null,
      trees: [
        { name: "apple", sour: "yes" },
        { name: "pear", sour: null },
        { name: "elm", sour: null },
        { name: "cherry", sour: "yes" },
      ],
    });
    expect(errors).toEqual(
      expect.arrayContaining([
        {
          message: "You may not climb this tree.",
          path: ["refused"],
          extensions: { code: "FORBIDDEN" },
        },
        {
          message: "Not found, or not visible to you. Check the id.",
          path: ["oak"],
          extensions: { code: "NOT_FOUND", at: "id" },
        },
        {
          message: "You may not taste this one.",
          path: ["trees", 1, "sour"],
          extensions: { code: "FORBIDDEN" },
        },
      ]),
    );
    expect(errors).toHaveLength(3);
    expect(lines).toEqual([]);
  });

  test("an unknown error is masked once, and logged once under the request id that goes out", async () => {
    const { data, errors } = await graph.request(
      viewer,
      "{ broken ripe trees { rotten } }",
    );
    expect(data).toMatchObject({ broken: null, ripe: 7 });
    expect(errors).toHaveLength(2);
    const requestId = errors[0]?.extensions.requestId;
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    const message =
      "Something went wrong on our side. Name the request id when you report it.";
    const extensions = { code: "INTERNAL_SERVER_ERROR", requestId };
    expect(errors).toEqual(
      expect.arrayContaining([
        { message, path: ["broken"], extensions },
        { message, path: ["trees", 1, "rotten"], extensions },
      ]),
    );
    expect(lines).toHaveLength(2);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          requestId,
          err: expect.objectContaining({ message: "the password is hunter2" }),
        }),
        expect.objectContaining({
          requestId,
          err: expect.objectContaining({ message: "a worm at 10.0.0.7" }),
        }),
      ]),
    );
  });

  test("neither subgraphs nor their plumbing can be reached from outside", async () => {
    for (const query of [
      '{ _entities(representations: [{ __typename: "Tree", id: "apple" }]) { ... on Tree { name } } }',
      "{ _service { sdl } }",
    ]) {
      const { errors } = await graph.request(viewer, query);
      expect(errors[0]?.extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
    }
  });

  test.each([
    ["as a literal", '{ ripe planted(at: "yesterday") }', {}],
    [
      "as a variable",
      "query ($at: DateTime!) { ripe planted(at: $at) }",
      { at: "yesterday" },
    ],
  ])("a value that its scalar refuses %s", async (_, query, variables) => {
    const { errors } = await graph.request(viewer, query, variables);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.extensions).toEqual({ code: "BAD_USER_INPUT" });
    expect(errors[0]?.message).toContain('"yesterday" is no DateTime.');
    expect(lines).toEqual([]);
  });

  test("a document with several operations runs the one that is named", async () => {
    const query = "query A { ripe } query B { largest { weight } }";
    const run = async (operationName?: string) => {
      const response = await graph.fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, operationName }),
      });
      return [response.status, await response.json()];
    };
    expect(await run("B")).toEqual([200, { data: { largest: { weight: 3 } } }]);
    for (const name of [undefined, "C"])
      expect(await run(name)).toEqual([
        400,
        {
          errors: [
            expect.objectContaining({
              extensions: { code: "OPERATION_RESOLUTION_FAILURE" },
            }),
          ],
        },
      ]);
  });

  test("the fetches of a query share what they loaded, where they can; those of a mutation do not", async () => {
    const fields = "{ name fruit { weight } neighbour { name } }";
    const neighbour = { name: "pear" };
    const contextsFor = async (operation: string, root: string) => {
      orchard.contexts.trees = 0;
      const { data, errors } = await graph.request(
        viewer,
        operation + fields + "}",
      );
      expect(errors).toEqual([]);
      expect(data).toEqual({
        [root]: { name: "apple", fruit: { weight: 5 }, neighbour },
      });
      return orchard.contexts.trees;
    };
    expect(await contextsFor('{ tree(id: "apple") ', "tree")).toBe(
      mode === "in one process" ? 1 : 2,
    );
    expect(await contextsFor('mutation { plant(name: "apple") ', "plant")).toBe(
      2,
    );
  });

  test("a null that must not be one blanks the object around it, and says nothing of subgraphs", async () => {
    const response = await graph.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        query: '{ tree(id: "elm") { name count } ripe }',
      }),
    });
    expect(await response.json()).toEqual({ data: { tree: null, ripe: 7 } });
  });
});
