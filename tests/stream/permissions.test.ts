import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Knex } from "../../common/database.ts";
import type { Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { outcome, run } from "../support/run.ts";
import { callers, seedWorld, type Caller, type StreamWorld } from "./world.ts";

let database: TestDatabase;
let world: StreamWorld;
beforeAll(async () => {
  database = await TestDatabase.create();
  world = await seedWorld(database);
});
afterAll(() => database.drop());

const window = `{ from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }`;

/** What is tried, by the name of its column below. */
const operations: Record<string, (world: StreamWorld) => string> = {
  viewer: () => `{ viewer { streams { nodes { id } } } }`,
  streams: () => `{ streams { nodes { id } } }`,
  stream: ({ stream }) => `{ stream(id: "${stream.uuid}") { id } }`,
  events: ({ stream }) =>
    `{ stream(id: "${stream.uuid}") { events(window: ${window}) { rowCount } } }`,
  type: ({ typeId }) => `{ streamType(id: "${typeId}") { id } }`,
  namespace: ({ namespaceId }) => `{ namespace(id: "${namespaceId}") { id } }`,
  newNamespace: () =>
    `mutation { createNamespace(input: { name: "New" }) { id } }`,
  newType: ({ namespaceId }) =>
    `mutation { createStreamType(input: { namespaceId: "${namespaceId}", name: "New", properties: [{ name: "value", kind: FLOAT }] }) { id } }`,
  newStream: ({ namespaceId, typeId }) =>
    `mutation { createStream(input: { namespaceId: "${namespaceId}", typeId: "${typeId}", externalId: "new" }) { id } }`,
  update: ({ stream }) =>
    `mutation { updateStream(input: { id: "${stream.uuid}", name: "Renamed" }) { id } }`,
  access: ({ stream }) =>
    `mutation { setStreamAccess(input: { streamIds: ["${stream.uuid}"], access: [{ rights: [READ], role: VIEWER }] }) { applied } }`,
  write: ({ stream }) =>
    `mutation { writeEvents(input: { mode: INSERT, streams: [{ streamId: "${stream.uuid}", timestamps: ["2026-01-01T00:00:00Z"], values: [1] }] }) { eventCount } }`,
  share: ({ stream, otherCommunity }) =>
    `mutation { shareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${otherCommunity.uuid}"] }) { id } }`,
  unshare: ({ stream, community }) =>
    `mutation { unshareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${community.uuid}"] }) { applied } }`,
  unshareAll: ({ stream }) =>
    `mutation { unshareStreams(input: { streamIds: ["${stream.uuid}"] }) { applied } }`,
};

const meaning: Record<string, string> = {
  ok: "ok",
  F: "FORBIDDEN",
  N: "NOT_FOUND",
  U: "UNAUTHENTICATED",
};

/** Rows of DOMAIN.md in the second line. */
const matrix = `
                                      viewer streams stream events type namespace newNamespace newType newStream update access write share unshare unshareAll
                                      T2     S2,S6   S2,S6  S2,S6  T2   T2        S1           S1      S1        S1     S3     S1    S4    S4,S5   S4,S5
nobody: anonymous                     U      U       U      U      U    U         U            U       U         U      U      U     U     U       U
nobody: person without a tenant       ok     ok      N      N      N    N         F            N       N         N      N      N     N     N       N
plant: AA, no role                    ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     ok     ok    F     ok      ok
plant: AA, MEMBER                     ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     ok     ok    F     ok      ok
plant: DS, no role                    ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     N     N       F
plant: DS, MEMBER                     ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     ok    ok      ok
plant: CONTRIBUTOR, no role           ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     F      ok    F     N       F
plant: CONTRIBUTOR, MEMBER            ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     F      ok    F     F       F
plant: VIEWER, no role                ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     F     N       F
plant: VIEWER, MEMBER                 ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     F     F       F
plant: none, no role                  ok     ok      N      N      ok   ok        F            F       F         N      N      N     N     N       N
plant: none, MEMBER                   ok     ok      N      N      ok   ok        F            F       F         N      N      N     N     N       N
plant: none, MODERATOR                ok     ok      ok     F      ok   ok        F            F       F         F      F      F     F     ok      ok
plant: none, ADMINISTRATOR            ok     ok      ok     F      ok   ok        F            F       F         F      F      F     F     ok      ok
plant: owner of the stream, no role   ok     ok      ok     ok     ok   ok        F            F       F         ok     F      ok    F     N       F
plant: denied by name DS, MEMBER      ok     ok      ok     F      ok   ok        F            F       F         F      F      F     F     F       F
plant: disabled AA, MEMBER            U      U       U      U      U    U         U            U       U         U      U      U     U     U       U
partner: AA, no role                  ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N
partner: DS, MEMBER                   ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F
partner: none, MEMBER                 ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F
partner: none, MODERATOR              ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F
partner: client, MEMBER               ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F
partner: disabled client, MEMBER      U      U       U      U      U    U         U            U       U         U      U      U     U     U       U
partner: removed, MEMBER              U      U       U      U      U    U         U            U       U         U      U      U     U     U       U
unentitled: AA, MEMBER                ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N
former: AA, was MEMBER                ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N
stranger: AA, not in                  ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N
`;

const [header = "", , ...rows] = matrix.trim().split("\n");
const columns = header.trim().split(/\s+/);
const expected = new Map(
  rows.map((row) => {
    const caller = callers.find((name) => row.startsWith(`${name} `)) as Caller;
    const cells = row.slice(caller.length).trim().split(/\s+/);
    return [caller, cells.map((cell) => meaning[cell])] as const;
  }),
);

test("the table names every caller and every operation", () => {
  expect([...expected.keys()]).toEqual([...callers]);
  expect([...columns].sort()).toEqual(Object.keys(operations).sort());
  for (const cells of expected.values())
    expect(cells).toHaveLength(columns.length);
});

test("the table tries every root field", () => {
  const tried = Object.values(operations)
    .map((operation) => operation(world))
    .join();
  const fields = [schema.getQueryType(), schema.getMutationType()]
    .flatMap((root) => Object.keys(root?.getFields() ?? {}))
    .filter((field) => !field.startsWith("_"));
  expect(
    fields.filter(
      (field) => !tried.includes(`${field}(`) && !tried.includes(`${field} {`),
    ),
  ).toEqual([]);
});

describe.each(columns)("%s", (column) => {
  test.each(callers)(`${column} by %s`, async (caller) => {
    const operation = operations[column]?.(world) ?? "";
    const { answer, written } = await tryOut(world.viewers[caller], operation);
    expect(outcome(answer)).toBe(
      expected.get(caller)?.[columns.indexOf(column)],
    );
    if (outcome(answer) === "ok" && operation.startsWith("mutation"))
      expect(written).toContain("ledger.entries");
    else expect(written).toEqual([]);
  });
});

/** Executes an operation in a transaction that is rolled back, so that one world serves all; names the tables it wrote. */
async function tryOut(viewer: Viewer, operation: string) {
  const transaction = await database.as("stream").transaction();
  try {
    const before = await writes(transaction);
    const answer = await run(
      { name: "stream", schema, createContext: createContext(transaction) },
      viewer,
      operation,
    );
    const after = await writes(transaction);
    const written = [...after.keys()].filter(
      (table) => after.get(table) !== before.get(table),
    );
    return { answer, written };
  } finally {
    await transaction.rollback();
  }
}

/** How many rows this connection wrote lately, by table. */
async function writes(transaction: Knex): Promise<Map<string, number>> {
  const { rows } = await transaction.raw<{
    rows: { name: string; count: number }[];
  }>(
    `select relid::regclass::text as name, n_tup_ins + n_tup_upd + n_tup_del as count
     from pg_stat_xact_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0`,
  );
  return new Map(rows.map(({ name, count }) => [name, count]));
}
