import { parse, validate, type GraphQLSchema } from "graphql";
import { createHash } from "node:crypto";
import {
  Draw,
  generate,
  type Generated,
  type Words,
} from "../equality/operations.ts";
import { oddValues, wordsOf } from "./words.ts";
import type { MarkedWorld, Sender } from "./world.ts";

/** A request as it goes over the wire. */
export interface Sent {
  readonly kind: string;
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  readonly search?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface FuzzedRequest extends Sent {
  readonly sender: Sender;
}

interface Kind {
  readonly share: number;
  readonly make: (operation: Generated, draw: Draw) => Omit<Sent, "kind">;
}

const json = { "content-type": "application/json" };
const post = (body: unknown, headers: Record<string, string> = json) => ({
  method: "POST" as const,
  headers,
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const get = (
  parameters: Record<string, string>,
  headers: Record<string, string> = { "apollo-require-preflight": "1" },
) => ({
  method: "GET" as const,
  search: new URLSearchParams(parameters).toString(),
  headers,
});

const hashOf = (text: string) =>
  createHash("sha256").update(text).digest("hex");

/** Cut, doubled, or with something put into it, at any place. */
function damaged(text: string, draw: Draw): string {
  const at = draw.below(text.length + 1);
  const some = 1 + draw.below(6);
  const put = draw.oneOf([
    ...'{}()[]:!$@&|="#,.\\',
    "...",
    '"""',
    "\u0000",
    "\ufeff",
    "\ud800",
    "é",
    " missing ",
    " on ",
    " fragment ",
    " null ",
    " -0 ",
    " 1e400 ",
    " $v0 ",
    ' "\\u{110000}" ',
    " @skip ",
    " @deprecated(reason: 1) ",
    " @include(if: $none) ",
  ]);
  switch (draw.below(3)) {
    case 0:
      return text.slice(0, at) + text.slice(at + some);
    case 1:
      return text.slice(0, at) + put + text.slice(at);
    default:
      return text.slice(0, at + some) + text.slice(at);
  }
}

function withOddVariable({ query, variables }: Generated, draw: Draw) {
  const names = Object.keys(variables);
  const name = names.length > 0 ? draw.oneOf(names) : "v0";
  return { query, variables: { ...variables, [name]: draw.oneOf(oddValues) } };
}

const repeat = (count: number, make: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join(" ");

/** What is meant to bring a server down, by size or by names that objects inherit. */
const hostile: readonly ((draw: Draw) => string)[] = [
  (draw) => {
    const depth = draw.oneOf([15, 25, 300, 5_000]);
    return `{ viewer { tenant ${"{ users(first: 1) { nodes { tenant ".repeat(depth)}{ id }${" } } }".repeat(depth)} } }`;
  },
  (draw) =>
    `{ ${repeat(draw.oneOf([40, 300, 3_000]), (i) => `a${i}: viewer { id }`)} }`,
  (draw) =>
    `{ viewer { ${repeat(draw.oneOf([150, 1_500]), (i) => `a${i}: id`)} } }`,
  (draw) =>
    `{ viewer { id ${"@include(if: true) ".repeat(draw.oneOf([50, 500]))} } }`,
  (draw) =>
    `{ viewer { id ${repeat(draw.oneOf([10, 300]), (i) => `@none${i}`)} } }`,
  () =>
    "query { viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
  () => "{ viewer { ...A } } fragment A on Viewer { id ...A }",
  () =>
    `{ viewer { ...F0 } } ${repeat(30, (i) => `fragment F${i} on Viewer { ...F${i + 1} ...F${i + 1} }`)} fragment F30 on Viewer { id }`,
  () =>
    `{ streams(first: 100) { nodes { ${"sharedThrough(first: 100) { nodes { stream { ".repeat(4)}id${" } } }".repeat(4)} } } }`,
  () =>
    "{ __proto__: viewer { __proto__: id constructor: id toString: id hasOwnProperty: id } constructor: viewer { __proto__: tenant { __proto__: name } } }",
  () =>
    'query ($__proto__: ID!, $constructor: ID = "a") { __proto__: stream(id: $__proto__) { id } constructor: stream(id: $constructor) { id } }',
  () => "query __proto__ { viewer { id } }",
  () =>
    "query constructor { viewer { __typename } } query toString { viewer { id } }",
  () =>
    "{ __schema { types { name fields { name args { name type { name ofType { name } } } } } } }",
  () =>
    "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
  () =>
    '{ __type(name: "__proto__") { name } a: __type(name: "constructor") { fields { name } } b: __type(name: "Query\u0000") { name } }',
  () => "{ _service { sdl } _entities(representations: []) { __typename } }",
  () => "subscription { viewer { id } }",
  () => "subscription S { events } query Q { viewer { id } }",
  () => "{ viewer { id } } { viewer { id } }",
  () => "query A { viewer { id } } query A { viewer { id } }",
  () =>
    "mutation { a: leaveCommunity(communityId: 1) { applied } ... @defer { b: __typename } }",
  () => "{ streams(first: 1) @stream(initialCount: 0) { nodes { id } } }",
  () => "fragment A on Query { viewer { id } }",
  () => "type Query { a: Int }",
  () => 'extend schema @link(url: "x") { query: Query }',
  (draw) => `#${"x".repeat(draw.oneOf([100, 60_000]))}\n{ viewer { id } }`,
  (draw) => `{ ${"a".repeat(draw.oneOf([1_000, 40_000]))} }`,
  (draw) => `{ streams(tags: ${"[".repeat(draw.oneOf([50, 3_000]))}`,
  (draw) =>
    `query (${repeat(draw.oneOf([100, 2_000]), (i) => `$v${i}: Int = ${i}`)}) { viewer { id } }`,
  () => "query ($a: Int = $a) { streams(first: $a) { totalCount } }",
  () => "query ($a: [[[[ID!]!]!]!]!) { streamLast(ids: $a) { rowCount } }",
  () => `{ streamLast(ids: [${repeat(1_200, (i) => `"${i}"`)}]) { rowCount } }`,
  () => '{ stream(id: """\n"\u0001\n""") { id } }',
  () =>
    "{ stream(id: 99999999999999999999999999) { id } a: streams(first: 1e3) { totalCount } b: streams(first: 3.0) { totalCount } }",
];

/** Bodies that are no request, or hardly one. */
const oddBodies: readonly string[] = [
  "",
  "null",
  "1",
  '"{ viewer { id } }"',
  "[]",
  "[{}]",
  "{",
  "{}",
  '{"query":null}',
  '{"query":["{ viewer { id } }"]}',
  '{"query":{"toString":"a"}}',
  '{"query":"{ viewer { id } }","query":"{ __typename }"}',
  '{"__proto__":{"query":"{ viewer { id } }"}}',
  '{"constructor":{"prototype":{"polluted":true}},"query":"{ __typename }"}',
  '{"query":"{ __typename }","variables":"{}"}',
  '{"query":"{ __typename }","variables":[]}',
  '{"query":"{ __typename }","variables":{"__proto__":{"polluted":true}}}',
  '{"query":"{ __typename }","operationName":""}',
  '{"query":"{ __typename }","operationName":"__proto__"}',
  '{"query":"{ __typename }","operationName":{}}',
  '{"query":"{ __typename }","extensions":"a"}',
  '{"query":"{ __typename }","extensions":{"persistedQuery":1}}',
  '{"query":"{ __typename }","extensions":{"persistedQuery":{"version":2,"sha256Hash":"a"}}}',
  '{"query":"{ __typename }","extensions":{"persistedQuery":{"sha256Hash":{"a":1}}}}',
  '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"__proto__"}}}',
  '{"query":"{ viewer { id } }","variables":{"a":1e999}}',
  `{"query":"{ __typename }","variables":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`,
  "query { viewer { id } }",
  "query=%7Bviewer%7Bid%7D%7D",
  '\ufeff{"query":"{ __typename }"}',
  '--a\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{}\r\n--a--',
];

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  {},
  { "content-type": "text/plain" },
  { "content-type": "application/graphql" },
  { "content-type": "application/x-www-form-urlencoded" },
  { "content-type": "multipart/form-data; boundary=a" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "application/json; charset=" },
  { "content-type": 'application/json; charset="utf-8"; charset=latin1' },
  { "content-type": "application/json, text/plain" },
  { ...json, "content-encoding": "gzip" },
  { ...json, accept: "text/html" },
  { ...json, accept: "application/graphql-response+json" },
  { ...json, accept: "multipart/mixed; deferSpec=20220824" },
  { ...json, authorization: "Bearer nonsense" },
  { ...json, authorization: "Bearer " },
  { ...json, authorization: "Basic YTpi" },
  { ...json, authorization: "" },
  { ...json, "x-request-id": "00000000-0000-4000-8000-000000000000" },
  { ...json, "x-internal-token": "a", "x-forwarded-host": "evil.example" },
  { ...json, cookie: "a=b; __proto__=c" },
];

const withHash = ({ query, variables }: Generated, draw: Draw) => {
  const sha256Hash = draw.oneOf([
    hashOf(query),
    hashOf(query).toUpperCase(),
    hashOf("a"),
    "",
    "__proto__",
  ]);
  return {
    ...(draw.chance(0.5) && { query }),
    variables,
    extensions: { persistedQuery: { version: 1, sha256Hash } },
  };
};

const kinds: Readonly<Record<string, Kind>> = {
  valid: { share: 55, make: (operation) => post(operation) },
  "with an odd variable": {
    share: 10,
    make: (operation, draw) => post(withOddVariable(operation, draw)),
  },
  damaged: {
    share: 9,
    make: ({ query, variables }, draw) =>
      post({ query: damaged(query, draw), variables }),
  },
  hostile: {
    share: 10,
    make: ({ variables }, draw) =>
      post({
        query: draw.oneOf(hostile)(draw),
        variables: { ...variables, constructor: 1 },
      }),
  },
  "by GET": {
    share: 5,
    make: ({ query, variables }, draw) =>
      get(
        {
          query: draw.chance(0.8) ? query : damaged(query, draw),
          variables: draw.chance(0.9) ? JSON.stringify(variables) : "{",
          ...(draw.chance(0.1) && {
            extensions: draw.oneOf(["{", "[]", '{"persistedQuery":[]}']),
          }),
        },
        draw.chance(0.9) ? undefined : {},
      ),
  },
  "by hash": {
    share: 4,
    make: (operation, draw) => post(withHash(operation, draw)),
  },
  "of another shape": {
    share: 4,
    make: (_, draw) => post(draw.oneOf(oddBodies)),
  },
  "with odd headers": {
    share: 3,
    make: (operation, draw) =>
      post(draw.chance(0.7) ? operation : draw.oneOf(oddBodies), {
        ...draw.oneOf(oddHeaders),
      }),
  },
  "by another method": {
    share: 1,
    make: (operation, draw) => ({
      ...post(operation),
      method: draw.oneOf(["PUT", "DELETE", "HEAD", "GET"] as const),
    }),
  },
};

const byShare = Object.entries(kinds).flatMap(([kind, { share, make }]) =>
  Array.from({ length: share }, () => ({ kind, make })),
);

/** The request of a number: in the same world the same each time. */
export function requestOf(
  schema: GraphQLSchema,
  number: number,
  world: MarkedWorld,
  cursors: readonly string[],
): FuzzedRequest {
  const draw = new Draw(number + 0.5);
  const sender = draw.oneOf(
    draw.chance(0.5)
      ? world.senders.filter(({ leads }) => leads)
      : world.senders,
  );
  const { kind, make } = draw.oneOf(byShare);
  const operation = validOperation(
    schema,
    number,
    wordsOf(world, sender, cursors),
  );
  return { kind, sender, ...make(operation, draw) };
}

/** The first of some that are drawn, or the last: what they alias may conflict. */
function validOperation(
  schema: GraphQLSchema,
  number: number,
  words: Words,
): Generated {
  for (let turn = 0; ; turn += 1) {
    const operation = generate(schema, number + turn / 8, words);
    if (turn === 7 || isValid(schema, operation)) return operation;
  }
}

function isValid(schema: GraphQLSchema, { query }: Generated): boolean {
  try {
    return validate(schema, parse(query)).length === 0;
  } catch {
    return false;
  }
}
