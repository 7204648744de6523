import { setTimeout as sleep } from "node:timers/promises";
import composition from "@apollo/composition";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { parse } from "graphql";
import { forbidden, notFound, unauthenticated } from "../../common/errors.ts";
import { PackedJson } from "../../common/packed.ts";
import { DateTime, Values } from "../../common/scalars.ts";
import type { Subgraph } from "../../common/schema.ts";
import type { Call } from "../../common/viewer.ts";

/** Two subgraphs without a database, for what happens between a gateway and any subgraphs. */
const trees = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  scalar DateTime
  type Query {
    "The identity that calls."
    whoCalls: String
    requestIds: [String!]
    trees: [Tree!]
    tree(id: ID!): Tree
    planted(at: DateTime!): String
    slow(ms: Int!): String
    broken: String
    refused: String
  }
  type Mutation { plant(name: String!): Tree  broken: String }
  type Tree @key(fields: "id") { id: ID!  name: String! }
`;

const fruits = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  scalar Values
  type Query { fruitRequestIds: [String!]  largest: Fruit  ripe: Int  weights: Values }
  type Tree @key(fields: "id") { id: ID!  fruit: Fruit  harvest: Values  rotten: String  sour: String  neighbour: Tree  count: Int! }
  type Fruit { weight: Float!  caller: String }
`;

export class Orchard {
  /** How often each subgraph made a context. */
  readonly contexts = { trees: 0, fruits: 0 };
  /** Identities that the subgraphs know no more. */
  readonly gone = new Set<string | null>();
  /** What `harvest` and `weights` answer. */
  packed = "[1,null,2.5]";

  readonly subgraphs: readonly Subgraph[] = [
    this.subgraph("trees", trees, {
      DateTime,
      Tree: {
        __resolveReference: ({ id }: { id: string }) => ({ id, name: id }),
      },
      Query: {
        whoCalls: (
          _: unknown,
          __: unknown,
          { call: { viewer } }: { call: Call },
        ) => {
          if (this.gone.has(viewer.identityId)) throw unauthenticated();
          return viewer.identityId ?? viewer.person?.email ?? "nobody";
        },
        requestIds: (_: unknown, __: unknown, { call }: { call: Call }) => [
          call.requestId,
        ],
        trees: () => names.map((name) => ({ id: name, name })),
        tree: (_: unknown, { id }: { id: string }) => {
          if (!names.includes(id)) throw notFound("id");
          return { id, name: id };
        },
        planted: (_: unknown, { at }: { at: string }) => at,
        slow: async (_: unknown, { ms }: { ms: number }) => {
          await sleep(ms);
          return "done";
        },
        broken: () => {
          throw new TypeError("the password is hunter2");
        },
        refused: () => {
          throw forbidden("You may not climb this tree.");
        },
      },
      Mutation: {
        plant: (_: unknown, { name }: { name: string }) => ({ id: name, name }),
        broken: () => {
          throw new TypeError("the password is hunter2");
        },
      },
    }),
    this.subgraph("fruits", fruits, {
      Values,
      Query: {
        fruitRequestIds: (
          _: unknown,
          __: unknown,
          { call }: { call: Call },
        ) => [call.requestId],
        largest: () => ({ weight: 3 }),
        ripe: () => 7,
        weights: () => new PackedJson(this.packed),
      },
      Tree: {
        __resolveReference: ({ id }: { id: string }) =>
          id === "elm" ? null : { id },
        fruit: ({ id }: { id: string }) => ({ weight: id.length }),
        harvest: () => new PackedJson(this.packed),
        count: () => 12,
        neighbour: () => ({ id: "pear" }),
        rotten: ({ id }: { id: string }) => {
          if (id === "pear") throw new RangeError("a worm at 10.0.0.7");
          return "no";
        },
        sour: ({ id }: { id: string }) => {
          if (id === "pear") throw forbidden("You may not taste this one.");
          return "yes";
        },
      },
      Fruit: {
        caller: (_: unknown, __: unknown, { call }: { call: Call }) =>
          call.viewer.identityId ?? "nobody",
      },
    }),
  ];

  readonly supergraphSdl = compose({ trees, fruits });
  /** The same before anybody asked what is ripe. */
  readonly olderSupergraphSdl = compose({
    trees,
    fruits: fruits.replace("ripe: Int", ""),
  });

  private subgraph(
    name: "trees" | "fruits",
    sdl: string,
    resolvers: object,
  ): Subgraph {
    return {
      name,
      schema: buildSubgraphSchema({
        typeDefs: parse(sdl),
        resolvers: resolvers as never,
      }),
      createContext: (call) => {
        this.contexts[name] += 1;
        const { viewer } = call;
        return { call, viewer, isLive: () => Promise.resolve(true) };
      },
    };
  }
}

const names = ["apple", "pear", "elm", "cherry"];

function compose(sdls: Record<string, string>): string {
  const { errors, supergraphSdl } = composition.composeServices(
    Object.entries(sdls).map(([name, sdl]) => ({
      name,
      url: `http://127.0.0.1/${name}`,
      typeDefs: parse(sdl),
    })),
  );
  if (errors) throw new Error(errors.map(String).join("\n"));
  return supergraphSdl;
}
