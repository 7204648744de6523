import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse, print } from "graphql";
import { hashOf } from "../../gateway/persisted-operations.ts";
import { readSafelist } from "../../gateway/safelist.ts";
import { TestDatabase } from "../support/database.ts";
import { startTestGraph, type TestGraph } from "../support/gateway.ts";
import { Orchard } from "../support/orchard.ts";
import { run } from "../support/process.ts";
import { times } from "../support/text.ts";

let database: TestDatabase;
let graph: TestGraph;
let orchard: Orchard;

const start = async (safelist?: ReadonlyMap<string, string>) => {
  orchard = new Orchard();
  graph = await startTestGraph({
    mode: "in one process",
    ...orchard,
    db: database.as("tenant"),
    ...(safelist && { safelist }),
  });
};

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

const persisted = (sha256Hash: string) => ({
  persistedQuery: { version: 1, sha256Hash },
});

interface Asked {
  readonly query?: string;
  readonly variables?: object;
  readonly extensions?: object;
}

/** Status and body. */
async function post(asked: Asked) {
  const response = await graph.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  return [response.status, await response.json()] as const;
}

async function get(asked: Asked) {
  const parameters = new URLSearchParams(
    Object.entries(asked).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const response = await graph.fetch(`/graphql?${parameters.toString()}`, {
    headers: { "apollo-require-preflight": "1" },
  });
  return [response.status, await response.json()] as const;
}

const refused = (status: number, code: string, message = /./) => [
  status,
  {
    errors: [
      expect.objectContaining({
        message: expect.stringMatching(message),
        extensions: expect.objectContaining({ code }),
      }),
    ],
  },
];

describe("an operation by its hash", () => {
  beforeAll(() => start());
  afterAll(() => graph.stop());

  const query = "query Plant($at: DateTime!) { planted(at: $at) }";
  const extensions = persisted(hashOf(query));
  const variables = { at: "2026-01-31T08:00:00Z" };
  const answer = [200, { data: { planted: "2026-01-31T08:00:00+00:00" } }];

  test("is asked for once, and served from then on, by POST and by GET", async () => {
    const unknown = refused(
      200,
      "PERSISTED_QUERY_NOT_FOUND",
      /^PersistedQueryNotFound$/,
    );
    expect(await post({ variables, extensions })).toEqual(unknown);
    expect(await get({ variables, extensions })).toEqual(unknown);
    expect(await post({ query, variables, extensions })).toEqual(answer);
    expect(await post({ variables, extensions })).toEqual(answer);
    expect(await get({ variables, extensions })).toEqual(answer);
  });

  test("is refused where the hash is another text's, and not kept", async () => {
    const other = persisted(hashOf("{ ripe }"));
    expect(await post({ query: "{ weights }", extensions: other })).toEqual(
      refused(400, "BAD_USER_INPUT", /^The hash is not that/),
    );
    expect(await post({ extensions: other })).toEqual(
      refused(200, "PERSISTED_QUERY_NOT_FOUND"),
    );
  });

  test("needs whom its text needs", async () => {
    expect((await post({ variables, extensions }))[0]).toBe(200);
    const response = await fetch(new URL("/graphql", graph.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ variables, extensions }),
    });
    expect([response.status, await response.json()]).toEqual(
      refused(401, "UNAUTHENTICATED"),
    );
  });

  test("is not kept where its text is beyond a limit", async () => {
    const large = `{ ${times(60, (i) => `a${i}: ripe`)} }`;
    const hash = persisted(hashOf(large));
    expect(await post({ query: large, extensions: hash })).toEqual(
      refused(413, "LIMIT_EXCEEDED"),
    );
    expect(await post({ extensions: hash })).toEqual(
      refused(200, "PERSISTED_QUERY_NOT_FOUND"),
    );
  });

  test("is kept, however much strangers send", async () => {
    const known = "{ whoCalls }";
    const hash = persisted(hashOf(known));
    await post({ query: known, extensions: hash });
    for (let n = 0; n < 110; n += 1) {
      const text = `{ __typename } #${n} ${"x".repeat(49_000)}`;
      const response = await fetch(new URL("/graphql", graph.url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          query: text,
          extensions: persisted(hashOf(text)),
        }),
      });
      expect(await response.json()).toEqual({ data: { __typename: "Query" } });
    }
    const [status, { data }] = await post({ extensions: hash });
    expect([status, data]).toEqual([200, { whoCalls: expect.any(String) }]);
  });

  test("takes no mutation by GET", async () => {
    const mutation = 'mutation { plant(name: "fig") { id } }';
    const hash = persisted(hashOf(mutation));
    expect((await post({ query: mutation, extensions: hash }))[0]).toBe(200);
    expect(await get({ extensions: hash })).toEqual(
      refused(405, "BAD_REQUEST", /GET/),
    );
  });
});

describe("with a list of operations", () => {
  const listed = print(parse("query Ripe { ripe }"));
  beforeAll(() => start(new Map([[hashOf(listed), listed]])));
  afterAll(() => graph.stop());

  test("those on it are served, by their ids and by their texts, however laid out", async () => {
    const ripe = [200, { data: { ripe: 7 } }];
    expect(await post({ extensions: persisted(hashOf(listed)) })).toEqual(ripe);
    expect(await get({ extensions: persisted(hashOf(listed)) })).toEqual(ripe);
    expect(await post({ query: listed })).toEqual(ripe);
    expect(await post({ query: "query Ripe{ripe} # mine" })).toEqual(ripe);
  });

  test("no other is, and nothing is asked of a subgraph", async () => {
    const before = { ...orchard.contexts };
    const forbidden = refused(403, "FORBIDDEN", /its operator adds it/i);
    const other = "{ weights }";
    expect(await post({ query: other })).toEqual(forbidden);
    expect(await get({ query: other })).toEqual(forbidden);
    expect(await post({ query: "query Ripe { ripe weights }" })).toEqual(
      forbidden,
    );
    expect(await post({ query: "{ __schema { types { name } } }" })).toEqual(
      forbidden,
    );
    expect(await post({ extensions: persisted(hashOf(other)) })).toEqual(
      forbidden,
    );
    // Nor is it learnt.
    expect(
      await post({ query: other, extensions: persisted(hashOf(other)) }),
    ).toEqual(forbidden);
    expect(await post({})).toEqual(forbidden);
    expect(orchard.contexts).toEqual(before);
  });
});

describe("npm run operations", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "tributary-operations-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const collect = (...args: string[]) =>
    run(["commands/operations.ts", ...args], {});
  const file = async (name: string, text: string) => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };

  test("lists what front ends ask, with fragments of other files, as the gateway reads it", async () => {
    const paths = [
      await file("me.graphql", "query Me { viewer { ...Names } }"),
      await file("names.graphql", "fragment Names on Viewer { id }"),
    ];
    const to = join(directory, "list.json");
    const { output, code } = await collect(...paths, "--to", to);
    expect(output).toBe(`Listed 1 operation in ${to}.\n`);
    expect(code).toBe(0);
    const body = print(
      parse("query Me { viewer { ...Names } } fragment Names on Viewer { id }"),
    );
    expect(JSON.parse(await readFile(to, "utf8"))).toEqual({
      format: "apollo-persisted-query-manifest",
      version: 1,
      operations: [{ id: hashOf(body), name: "Me", type: "query", body }],
    });
    expect([...readSafelist(to)]).toEqual([[hashOf(body), body]]);
  });

  test("lists the tour", async () => {
    const to = join(directory, "tour.json");
    expect((await collect("examples", "--to", to)).code).toBe(0);
    expect(readSafelist(to).size).toBeGreaterThan(20);
  });

  test.each([
    [
      "that the graph does not know",
      "query Bad {\n  viewr { id }\n}",
      /Cannot query field "viewr".+:2:3/s,
    ],
    [
      "whose syntax is wrong",
      "query Bad { viewer {",
      /Syntax Error.+bad\.graphql:1:21/s,
    ],
    ["without a name", "{ viewer { id } }", /Name this operation/],
    [
      "twice, differently",
      "query Bad { viewer { id } }\nquery Bad { viewer { name } }",
      /two different Bad/,
    ],
    [
      "whose fragment is nowhere",
      "query Bad { viewer { ...Gone } }",
      /Unknown fragment "Gone"/,
    ],
    ["in an empty file", "# nothing", /./],
  ])(
    "refuses an operation %s, at its place, and writes nothing",
    async (_what, text, words) => {
      const path = await file("bad.graphql", text);
      const to = join(directory, "bad.json");
      const { output, code } = await collect(path, "--to", to);
      expect(output).toMatch(words);
      expect(code).toBe(1);
      await expect(readFile(to)).rejects.toThrow("ENOENT");
    },
  );

  test("a list that was changed by hand is no list", async () => {
    const operations = [{ id: hashOf("{ a }"), name: "A", body: "{ b }" }];
    const path = await file(
      "changed.json",
      JSON.stringify({ format: "apollo-persisted-query-manifest", operations }),
    );
    expect(() => readSafelist(path)).toThrow(/the id of A is not the hash/);
    expect(() => readSafelist(join(directory, "gone.json"))).toThrow(/ENOENT/);
  });
});
