import { describe, expect, test } from "@jest/globals";
import {
  getNamedType,
  isObjectType,
  Kind,
  parse,
  type GraphQLObjectType,
} from "graphql";
import type { DomainError } from "../../common/errors.ts";
import { costOf } from "../../gateway/cost/cost.ts";
import { usualMaxCost } from "../../gateway/cost/limit-cost.ts";
import { Weights } from "../../gateway/cost/weights.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { times } from "../support/text.ts";

const weights = new Weights(
  `
  directive @cost(weight: Int!) on ARGUMENT_DEFINITION | FIELD_DEFINITION | OBJECT | SCALAR
  directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
  type Query {
    trees(first: Int, last: Int, kinds: [String!], search: String @cost(weight: 30)): TreeConnection @page
    named(ids: [ID!]!): [Tree]
    felled(count: Int = 4): [Tree] @listSize(slicingArguments: ["count"])
    grafted(input: Grafted!): [Tree]
    planted(input: Planted!): Forest
    tree: Tree
    plant: Plant
    schema: Int
  }
  type Mutation { plant(name: String): Tree  burn: Boolean @cost(weight: 7) }
  input Planted { ids: [ID!]!, names: [String!] }
  input Grafted { trees: [Graft!]!, onto: [ID!]! }
  input Graft { id: ID!, at: Int }
  interface Plant { id: ID!, trees(first: Int): TreeConnection }
  type Forest { trees: [Tree!], paths: [Root!] @listSize(assumedSize: 3) }
  type TreeConnection { nodes: [Tree!]!, edges: [TreeEdge!]!, pageInfo: PageInfo!, totalCount: Int! @cost(weight: 10) }
  type TreeEdge @cost(weight: 0) { node: Tree! }
  type PageInfo { hasNextPage: Boolean! }
  type Tree implements Plant {
    id: ID!  tags: [String!]  roots: [Root!]!  rings: Rings  picture: Picture
    trees(first: Int): TreeConnection @page
  }
  scalar Rings @cost(weight: 2)
  type Picture @cost(weight: 5) { id: ID! }
  type Root { id: ID! }
`.replaceAll(
    "@page",
    '@listSize(assumedSize: 50, slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"], requireOneSlicingArgument: false)',
  ),
);

function cost(
  query: string,
  variables: Record<string, unknown> = {},
  of = weights,
) {
  const document = parse(query);
  const operation = document.definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (!operation) throw new Error("There is nothing to run.");
  return costOf(of, document, operation, variables);
}

describe("an operation costs", () => {
  test.each<[string, number, Record<string, unknown>?]>([
    // An object 1, a value nothing, unless its type, its field or an argument that is given says otherwise.
    ["{ tree { id tags } __typename schema }", 1],
    ["{ tree { rings picture { id } } }", 1 + 2 + 5],
    ["{ __schema { types { name fields { name } } } }", 1 + 5 + 5 * 5],
    ["{ __schema { a: types { name } b: types { name } } }", 1 + 5 + 5],
    [`{ __type(name: "Tree") { fields { name } } __typename }`, 1 + 5],
    ["mutation { plant { id } }", 100],
    ["mutation { burn }", 7],
    ["mutation { a: plant { id } b: plant { picture { id } } }", 205],
    // A page as many objects as it is asked for.
    ["{ trees { nodes { id } } }", 1 + 50],
    ["{ trees { totalCount pageInfo { hasNextPage } } }", 1 + 10 + 1],
    ["{ trees(last: 7) { edges { node { id } } } }", 1 + 7],
    ["{ trees(first: -1) { nodes { id } } }", 1],
    ["{ trees(first: null) { nodes { id } } }", 51],
    ['{ trees(first: 2, search: "oak") { nodes { id } } }', 1 + 2 + 30],
    ["{ trees(first: 2, search: null) { nodes { id } } }", 1 + 2],
    ["{ trees(first: 3) { nodes { id } edges { node { id } } } }", 1 + 6],
    ["{ felled { id } }", 4],
    ["{ felled(count: 9) { id } }", 9],
    // Lists within lists are multiplied; one that says nothing is short.
    ["{ trees(first: 3) { nodes { roots { id } } } }", 1 + 3 * (1 + 5)],
    [
      "{ trees(first: 3) { nodes { trees(first: 4) { nodes { picture { id } } } } } }",
      1 + 3 * (1 + 1 + 4 * (1 + 5)),
    ],
    [
      "{ a: trees(first: 3) { nodes { id } } b: trees(first: 4) { nodes { id } } }",
      9,
    ],
    // Fragments as if they were written out.
    [
      "{ trees(first: 3) { ...F } } fragment F on TreeConnection { nodes { ... on Tree { ... { trees(first: 4) { ...G } } } } } fragment G on TreeConnection { nodes { id } }",
      1 + 3 * (1 + 1 + 4),
    ],
    [
      "{ a: trees(first: 2) { ...F } b: trees(first: 3) { ...F } } fragment F on TreeConnection { nodes { id } }",
      7,
    ],
    ["{ plant { ... on Tree { picture { id } } } }", 1 + 5],
    // Variables, their defaults, and what is left out.
    ["query ($n: Int) { trees(first: $n) { nodes { id } } }", 51],
    ["query ($n: Int) { trees(first: $n) { nodes { id } } }", 10, { n: 9 }],
    ["query ($n: Int = 8) { trees(first: $n) { nodes { id } } }", 9],
    [
      "query ($n: Int = 8) { trees(first: $n) { nodes { id } } }",
      51,
      { n: null },
    ],
    [
      "query ($a: Boolean!, $b: Boolean!) { tree @skip(if: $a) { id } plant @include(if: $b) { id } ... @include(if: false) { tree { id } } }",
      1,
      { a: true, b: true },
    ],
    // Things given by id as many as there are, of several lists each with each.
    ['{ named(ids: ["a", "b"]) { roots { id } } }', 2 * (1 + 5)],
    [
      "query ($ids: [ID!]!) { named(ids: $ids) { trees(first: 5) { nodes { id } } } }",
      3 * (1 + 1 + 5),
      { ids: ["a", "b", "c"] },
    ],
    [
      "query ($input: Planted!) { planted(input: $input) { trees { id } paths { id } } }",
      1 + 2 + 3,
      { input: { ids: ["a", "b"], names: ["x", "y", "z"] } },
    ],
    [
      "query ($input: Grafted!) { grafted(input: $input) { id } }",
      6,
      { input: { trees: [{ id: "a" }, { id: "b" }], onto: ["c", "d", "e"] } },
    ],
  ])("%s: %d", (query, points, ...[variables]) => {
    expect(cost(query, variables)).toBe(points);
  });

  test("no more than a number can tell, told in no time, however fragments multiply it", () => {
    const doubling = (lines: number) =>
      `{ tree { ...F0 } } ${times(lines, (i) => `fragment F${i} on Tree { trees(first: 1000) { nodes { ...F${i + 1} ...F${i + 1} } } }`)} fragment F${lines} on Tree { picture { id } }`;
    expect(cost(doubling(1))).toBe(1 + 1 + 1000 * (1 + 2 * 5));
    expect(cost(doubling(100))).toBe(Number.MAX_SAFE_INTEGER);
  });

  test.each([
    ["{ trees(first: 1001) { nodes { id } } }", {}],
    [
      "query ($n: Int) { tree { trees(first: $n) { nodes { id } } } }",
      { n: 1001 },
    ],
  ])("nothing where a page is too long: %s", (query, variables) => {
    let refusal: unknown;
    try {
      cost(query, variables);
    } catch (error) {
      refusal = (error as DomainError).extensions;
    }
    expect(refusal).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: 1000,
      value: 1001,
      at: "first",
    });
  });

  test("what names of its own making, like those of every object, make of it", () => {
    const query =
      "query ($__proto__: Int, $constructor: Int) { __proto__: trees(first: $__proto__) { nodes { id } } constructor: trees(first: $constructor) { nodes { id } } }";
    expect(cost(query)).toBe(2 * 51);
    expect(
      cost(query, JSON.parse('{ "__proto__": 3, "constructor": 4 }')),
    ).toBe(2 + 3 + 4);
  });
});

describe("the graph", () => {
  const graph = new Weights(readSupergraph());
  const fields = Object.values(graph.schema.getTypeMap())
    .filter((type): type is GraphQLObjectType => isObjectType(type))
    .flatMap((type) => Object.values(type.getFields()));

  test("says of each of its pages what sizes it", () => {
    const pages = fields.filter((field) =>
      getNamedType(field.type).name.endsWith("Connection"),
    );
    expect(pages.length).toBeGreaterThan(25);
    for (const page of pages)
      expect([page.name, graph.listSizeOf(page)]).toEqual([
        page.name,
        {
          assumedSize: 50,
          slicingArguments: ["first", "last"],
          sizedFields: ["nodes", "edges"],
          requireOneSlicingArgument: false,
        },
      ]);
  });

  test.each([
    // Three lists of the usual size in each other are too much, two of a hundred are not.
    [
      "{ streams { nodes { shares { nodes { community { memberships { nodes { id } } } } } } } }",
      true,
    ],
    [
      "{ streams(first: 100) { nodes { sharedThrough(first: 100) { nodes { community { name } } } } } }",
      false,
    ],
    [
      "{ streams(first: 1000) { nodes { name tenant { name } last { value } properties { name } } } }",
      false,
    ],
    [
      "query ($ids: [ID!]!) { trend(input: { streamIds: $ids }) { values } }",
      false,
    ],
    [
      "query ($ids: [ID!]!) { streamSummaries(ids: $ids) { columns { values } } }",
      false,
    ],
  ])("%s: too much: %s", (query, isTooMuch) => {
    const ids = Array.from({ length: 1000 }, (_, i) => `${i}`);
    expect(cost(query, { ids }, graph) > usualMaxCost).toBe(isTooMuch);
  });
});
