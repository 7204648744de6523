import { describe, expect, test } from "@jest/globals";
import { buildSchema, Kind, parse } from "graphql";
import { nodesOf } from "../../gateway/nodes.ts";

const schema = buildSchema(`
  type Query {
    trees(first: Int, last: Int, kinds: [String!]): TreeConnection
    named(ids: [ID!]!, first: Int! = 1000): [Tree]
    planted(input: Planted!): Forest
    tree: Tree
  }
  input Planted { ids: [ID!]!, names: [String!] }
  type Forest { trees: [Tree!] }
  type TreeConnection { nodes: [Tree!]!, edges: [TreeEdge!]!, pageInfo: PageInfo!, totalCount: Int! }
  type TreeEdge { node: Tree! }
  type PageInfo { hasNextPage: Boolean! }
  type Tree { id: ID!, tags: [String!], roots: [Root!]!, trees(first: Int): TreeConnection }
  type Root { id: ID! }
`);

function count(query: string, variables: Record<string, unknown> = {}) {
  const document = parse(query);
  const operation = document.definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (!operation) throw new Error("There is nothing to run.");
  return nodesOf(schema, document, operation, variables);
}

describe("the objects of an operation", () => {
  test.each<[string, number, Record<string, unknown>?]>([
    ["{ tree { id tags } __typename }", 0],
    ["{ tree { roots { id } } }", 1],
    ["{ trees { nodes { id tags } } }", 50],
    ["{ trees { totalCount pageInfo { hasNextPage } } }", 0],
    ["{ trees(last: 7) { edges { node { id } } } }", 7],
    ["{ trees(first: -1) { nodes { id } } }", 0],
    ["{ trees(first: 100000) { nodes { id } } }", 1000],
    [
      "{ trees(first: 3, kinds: []) { nodes { id } edges { node { id } } } }",
      6,
    ],
    ["{ trees(first: 3) { nodes { roots { id } } } }", 6],
    [
      "{ trees(first: 3) { nodes { trees(first: 4) { nodes { trees { nodes { id } } } } } } }",
      3 + 12 + 600,
    ],
    [
      "{ a: trees(first: 3) { nodes { id } } b: trees(first: 4) { nodes { id } } }",
      7,
    ],
    [
      "{ trees(first: 3) { ...F } } fragment F on TreeConnection { nodes { ... on Tree { ... { trees(first: 4) { nodes { id } } } } } }",
      15,
    ],
    ["query ($n: Int) { trees(first: $n) { nodes { id } } }", 50],
    ["query ($n: Int) { trees(first: $n) { nodes { id } } }", 9, { n: 9 }],
    ["query ($n: Int = 8) { trees(first: $n) { nodes { id } } }", 8],
    ['{ named(ids: ["a", "b"]) { roots { id } } }', 4],
    [
      "query ($ids: [ID!]!) { named(ids: $ids) { trees(first: 5) { nodes { id } } } }",
      18,
      { ids: ["a", "b", "c"] },
    ],
    [
      "query ($input: Planted!) { planted(input: $input) { trees { roots { id } } } }",
      4,
      { input: { ids: ["a", "b"], names: ["x", "y", "z"] } },
    ],
  ])("%s: %d", (query, nodes, ...[variables]) => {
    expect(count(query, variables)).toBe(nodes);
  });
});
