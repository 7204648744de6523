import { readFileSync } from "node:fs";
import type { MadeUp } from "./made-up.ts";

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9",
  import: ["@key", "@shareable", "@external", "@requires", "@provides", "@interfaceObject", "@inaccessible"])`;

/** Interfaces, unions, value types in two subgraphs, several keys, @requires and @provides. */
const shop: MadeUp = {
  sdls: {
    catalog: `${link}
      scalar Json
      type Query {
        products(first: Int = 3): [Product!]
        product(id: ID!): Product
        node(id: ID!): Node
        nodes: [Node]
        search(text: String, in: [Kind!]): [Result!]!
        grid: [[Product!]]
        first: Product!
        shelf: Shelf @shareable
      }
      type Mutation { rename(id: ID!, input: RenameInput!): Product  restock: Shelf }
      input RenameInput { name: String!  note: String = "none"  kinds: [Kind] }
      enum Kind { TOOL TOY BOOK }
      interface Node { id: ID! }
      interface Priced { price: Int }
      union Result = Product | Maker | Shelf
      type Product implements Node & Priced @key(fields: "id") @key(fields: "sku") {
        id: ID!  sku: ID!  name: String  kind: Kind!  price: Int  weight: Int  size: Int
        maker: Maker!  similar(first: Int): [Product]  node: Node  data: Json  codes: [String!]!  matrix: [[Int]]
      }
      type Maker implements Node @key(fields: "id") { id: ID!  title: String  products: [Product!]  best: Product! }
      type Shelf @shareable { label: String  depth: Int!  spot: Spot }
      type Spot @shareable { row: Int  column: Int! }`,
    stock: `${link}
      type Query { warehouses: [Warehouse!]!  shelf: Shelf @shareable  featured: Product  priced: [Priced] }
      type Mutation { order(product: ID!, count: Int! = 1): Warehouse! }
      interface Priced { price: Int }
      type Product implements Priced @key(fields: "sku") {
        sku: ID!  weight: Int @external  size: Int @external  price: Int @external
        inStock: Int!  shipping: Int @requires(fields: "weight size")  warehouse: Warehouse  delivered: [Warehouse!]
      }
      type Gift implements Priced { price: Int  ribbon: String! }
      type Warehouse @key(fields: "id") {
        id: ID!  city: String!  shelves: [Shelf]  chief: Person @provides(fields: "name")  holds: [Product!]
      }
      type Person @key(fields: "id") { id: ID!  name: String @external }
      type Shelf @shareable { label: String  depth: Int!  spot: Spot }
      type Spot @shareable { row: Int  column: Int! }`,
    people: `${link}
      type Query { people(first: Int!): [Person!]  me: Person! }
      type Person @key(fields: "id") { id: ID!  name: String @shareable  age: Int!  likes: [Maker]  boss: Person  home: Home }
      type Home { street: String!  warehouse: Warehouse }
      type Maker @key(fields: "id") { id: ID!  owner: Person!  rating: Float }
      type Warehouse @key(fields: "id") { id: ID!  staff: [Person!]!  guard: Person }`,
  },
  requires: { "Product.shipping": ["weight", "size"] },
};

/** Interfaces with a key, which other subgraphs know as one object. */
const library: MadeUp = {
  sdls: {
    titles: `${link}
      type Query { media: [Media!]  medium(id: ID!): Media  latest: Media!  shelf: [Item] }
      interface Media @key(fields: "id") { id: ID!  title: String  year: Int! }
      type Book implements Media @key(fields: "id") { id: ID!  title: String  year: Int!  pages: Int  author: Author }
      type Film implements Media @key(fields: "id") { id: ID!  title: String  year: Int!  minutes: Int!  cast: [Author!]! }
      type Author @key(fields: "id") { id: ID!  name: String!  wrote: [Media] }
      union Item = Book | Film | Author`,
    reviews: `${link}
      type Query { reviews(first: Int): [Review!]!  liked: [Media] }
      type Mutation { praise(id: ID!, stars: Int!): Review }
      type Media @key(fields: "id") @interfaceObject { id: ID!  reviews: [Review!]  stars: Float!  rank(in: String = "all"): Int }
      type Review @key(fields: "id") { id: ID!  text: String  of: Media!  by: Author  replies: [Review] }
      type Author @key(fields: "id") { id: ID!  reviews: [Review!]!  follows: [Author!]  fame: Int }`,
  },
  kinds: { Media: ["Book", "Film"] },
};

const own = (name: string) =>
  readFileSync(
    new URL(`../../../subgraphs/${name}/schema.graphql`, import.meta.url),
    "utf8",
  );

/** The graph of the product, with made-up answers. */
const tributary: MadeUp = {
  sdls: {
    tenant: own("tenant"),
    community: own("community"),
    stream: own("stream"),
  },
  kinds: { Identity: ["Client", "User"] },
};

export const graphs = { shop, library, tributary };
