import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { roleUrl } from "../../migrations/run.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import { Seed, type Membership, type Stream } from "../support/seed.ts";
import { untilWaiting } from "../support/waiting.ts";
import { streamSubgraph } from "./world.ts";

/** A plant that shares one of two streams of 100 events, one a minute from the start of 2026, with a partner. */
let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let shared: Stream;
let hidden: Stream;
let shares: Membership;
let viewer: Viewer;
let partner: Viewer;
/** Sees the streams for their shares, and reads none. */
let moderator: Viewer;

beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  const plant = await seed.tenant("plant");
  const community = await seed.community(plant);
  shares = community.ownerMembership;
  shared = await seed.stream(plant);
  hidden = await seed.stream(plant);
  await seed.events(shared, 100);
  await seed.events(hidden, 100);
  await seed.share(shared, shares);
  viewer = as(await seed.user(plant, ["VIEWER"]));
  const leader = await seed.user(plant);
  await seed.member(shares, leader, "MODERATOR");
  moderator = as(leader);
  const company = await seed.tenant("partner");
  const client = await seed.client(company);
  await seed.member(await seed.membership(community, company), client);
  partner = as(client);
});
afterAll(() => database.drop());

const ask = (as: Viewer, query: string, variables = {}) =>
  run(subgraph, as, query, variables);

const minute = (n: number) =>
  new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString().replace(".000Z", "+00:00");
const window = (from: number, to: number) => ({
  from: minute(from),
  to: minute(to),
});

interface Table {
  readonly rowCount: number;
  readonly values: readonly number[];
  readonly endCursor: string;
  readonly hasNextPage: boolean;
}

async function page(
  as: Viewer,
  stream: Stream,
  args: Record<string, unknown>,
): Promise<{ code: string; at: string | undefined; table: Table | null }> {
  const answer = await ask(
    as,
    `query ($id: ID!, $window: TimeWindow!, $boundary: Boundary! = EXACT, $reversed: Boolean! = false, $first: Int! = 5, $after: String) {
      stream(id: $id) {
        events(window: $window, boundary: $boundary, reversed: $reversed, first: $first, after: $after) {
          rowCount values endCursor hasNextPage
        }
      }
    }`,
    { id: stream.uuid, window: window(10, 20), ...args },
  );
  const data = answer.data as {
    stream: { events: Table | null } | null;
  } | null;
  return {
    code: outcome(answer),
    at: answer.errors[0]?.extensions.at,
    table: data?.stream?.events ?? null,
  };
}

describe("a window", () => {
  test.each([
    ["that is reversed", { window: window(20, 10) }, "window"],
    [
      "between whose open ends no time lies",
      { window: window(10, 10), boundary: "INSIDE" },
      "window",
    ],
    ["with a page of negative size", { first: -1 }, "first"],
    ["with a cursor that is none", { after: "c29tZXdoZXJl" }, "after"],
  ])("%s is refused", async (_, args, at) => {
    expect(await page(viewer, shared, args)).toEqual({
      ...{ code: "BAD_USER_INPUT", at, table: null },
    });
  });

  test("of more than 100,000 events a page is refused", async () => {
    expect(await page(viewer, shared, { first: 100_001 })).toEqual({
      ...{ code: "LIMIT_EXCEEDED", at: "first", table: null },
    });
    expect(await page(viewer, shared, { first: 100_000 })).toMatchObject({
      code: "ok",
      table: { rowCount: 11, hasNextPage: false },
    });
  });

  test("from a time to itself holds the event at it", async () => {
    const { table } = await page(viewer, shared, { window: window(10, 10) });
    expect(table?.values).toEqual([10]);
  });

  test("can be asked for no more than whether it holds anything", async () => {
    const { table } = await page(viewer, shared, { first: 0 });
    expect(table).toEqual({
      ...{ rowCount: 0, values: [], endCursor: null, hasNextPage: true },
    });
  });
});

describe("a cursor", () => {
  let cursor: string;
  beforeAll(async () => {
    const { table } = await page(partner, shared, {});
    cursor = table?.endCursor ?? "";
  });

  test("goes on behind the last event, with a page of another size", async () => {
    const { table } = await page(partner, shared, { after: cursor, first: 3 });
    expect(table?.values).toEqual([15, 16, 17]);
  });

  test("is for the same stream, window, boundary and direction", async () => {
    const { table } = await page(viewer, hidden, {});
    const others = [
      { after: table?.endCursor },
      { after: cursor, window: window(10, 21) },
      { after: cursor, boundary: "OUTSIDE" },
      { after: cursor, reversed: true },
    ];
    for (const args of others)
      expect(await page(partner, shared, args)).toMatchObject({
        code: "BAD_USER_INPUT",
        at: "after",
      });
  });

  test("is refused with any character altered, added or left out", async () => {
    const altered = [...cursor].map((character, i) =>
      [...cursor].with(i, character === "A" ? "B" : "A").join(""),
    );
    for (const after of [...altered, `${cursor}A`, cursor.slice(0, -1), ""])
      expect(await page(partner, shared, { after })).toMatchObject({
        code: "BAD_USER_INPUT",
        at: "after",
      });
  });

  test("opens nothing once the share has ended", async () => {
    const stream = await seed.stream({ id: shared.tenantId, uuid: "" });
    await seed.events(stream, 100);
    const share = await seed.share(stream, shares);
    const { table } = await page(partner, stream, {});
    const after = table?.endCursor;
    await database.owner("stream.shares").where({ id: share.id }).delete();
    expect(await page(partner, stream, { after })).toEqual({
      ...{ code: "NOT_FOUND", at: "id", table: null },
    });
  });
});

describe("without the right to read", () => {
  const everything = `query ($id: ID!) {
    stream(id: $id) {
      name
      first { value } last { value } at(timestamp: "2026-01-01T00:00:00Z") { value }
      events(window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }) { rowCount }
    }
  }`;

  test("an own stream can be seen, and each of its events' fields is FORBIDDEN by itself", async () => {
    const { data, errors } = await ask(moderator, everything, {
      id: shared.uuid,
    });
    expect(data).toEqual({
      stream: {
        ...{ name: expect.any(String) },
        ...{ first: null, last: null, at: null, events: null },
      },
    });
    expect(
      errors.map(({ path, extensions: { code } }) => [path?.join("."), code]),
    ).toEqual(
      expect.arrayContaining([
        ["stream.first", "FORBIDDEN"],
        ["stream.last", "FORBIDDEN"],
        ["stream.at", "FORBIDDEN"],
        ["stream.events", "FORBIDDEN"],
      ]),
    );
    expect(errors).toHaveLength(4);
  });

  test("a stream that was handed out a moment before is NOT_FOUND", async () => {
    const contextOf = (viewer: Viewer) =>
      createContext(
        database.as("stream"),
        unrecorded,
      )({ viewer, requestId: "test" });
    const stream = await contextOf(viewer).streams.find(hidden.uuid);
    if (!stream) throw new Error("The stream is hidden from its own tenant.");
    const { events } = contextOf(partner);
    const reads = [
      events.first(stream, {}),
      events.last(stream, {}),
      events.at(stream, minute(0), "EXACT", {}),
      events.stored(
        stream,
        {
          window: window(0, 9),
          boundary: "EXACT",
          reversed: false,
          first: 10,
        },
        { timestamps: true, endCursor: true, values: false, columns: [] },
      ),
    ];
    for (const read of await Promise.allSettled<unknown>(reads))
      expect(read).toMatchObject({
        reason: { extensions: { code: "NOT_FOUND" } },
      });
  });
});

describe("a request for the events of many streams", () => {
  const tables = (count: number) =>
    ask(
      viewer,
      `query ($ids: [_Any!]!) {
        _entities(representations: $ids) {
          ... on Stream { ${Array.from(
            { length: 10 },
            (_, i) =>
              `a${i}: events(window: { from: "${minute(0)}", to: "${minute(i)}" }) { rowCount }`,
          ).join(" ")} }
        }
      }`,
      {
        ids: Array.from({ length: count / 10 }, () => ({
          __typename: "Stream",
          id: shared.uuid,
        })),
      },
    );

  test("has three statements under way at once, so that nobody waits behind all of them", async () => {
    const db = database.as("stream");
    const running = new Set<string>();
    let most = 0;
    const start = (query: { sql: string; __knexQueryUid: string }) => {
      if (!query.sql.includes("stream.events")) return;
      running.add(query.__knexQueryUid);
      most = Math.max(most, running.size);
    };
    const end = (_: unknown, query: { __knexQueryUid: string }) =>
      running.delete(query.__knexQueryUid);
    db.on("query", start);
    db.on("query-response", end);
    try {
      let isDone = false;
      const many = tables(500).then((answer) => {
        isDone = true;
        return answer;
      });
      const other = await ask(partner, `{ streams { nodes { id } } }`);
      expect(outcome(other)).toBe("ok");
      expect(isDone).toBe(false);
      expect(outcome(await many)).toBe("ok");
      expect(most).toBe(3);
    } finally {
      db.off("query", start);
      db.off("query-response", end);
    }
  });

  test("waits behind its identity's other requests, and holds up nobody else's", async () => {
    const { reading } = await database.owner.transaction(
      async (transaction) => {
        await transaction.raw(
          "lock table stream.events in access exclusive mode",
        );
        const reading = Array.from({ length: 5 }, () => tables(50));
        await untilWaiting(database.owner, 3);
        const last = await ask(
          partner,
          `{ streams { nodes { id last { value } } } }`,
        );
        expect(outcome(last)).toBe("ok");
        return { reading };
      },
    );
    for (const answer of reading) expect(outcome(await answer)).toBe("ok");
  });

  test("is refused beyond 500 tables, before any is read", async () => {
    const { errors, data } = await tables(510);
    expect(errors).toHaveLength(510);
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining("Ask for fewer streams a page"),
      extensions: { code: "LIMIT_EXCEEDED", limit: 500, value: 510 },
    });
    expect(JSON.stringify(data)).not.toContain("rowCount");
  });
});

describe("a statement", () => {
  /** What the stream role asks of the tables with events while something is done. */
  async function statementsOf(work: () => Promise<unknown>) {
    const statements: { sql: string; bindings: readonly unknown[] }[] = [];
    const listen = (query: {
      sql: string;
      bindings: readonly unknown[];
      /** Of a prepared one. */
      options?: { values?: readonly unknown[] };
    }) => {
      const { sql, bindings, options } = query;
      if (/stream\.(events|reach)/.test(sql))
        statements.push({ sql, bindings: options?.values ?? bindings });
    };
    const db = database.as("stream");
    db.on("query", listen);
    try {
      await work();
    } finally {
      db.off("query", listen);
    }
    return statements;
  }

  const askFor = (fields: string) =>
    statementsOf(async () => {
      const answer = await ask(
        viewer,
        `query ($id: ID!, $window: TimeWindow!, $yes: Boolean! = true, $no: Boolean! = false, $names: [String!] = []) {
          stream(id: $id) { events(window: $window) { ${fields} } }
        }
        fragment Values on EventTable { numbers: values }`,
        { id: shared.uuid, window: window(0, 50) },
      );
      expect(outcome(answer)).toBe("ok");
    });

  test.each([
    ["rowCount", 0],
    ["__typename hasNextPage", 0],
    ["when: timestamps rowCount", 1],
    ["timestamps values columns { values }", 2],
    ["a: columns { uom } b: columns(properties: []) { name }", 1],
    ["columns(properties: $names) { values }", 0],
    ["... on EventTable { timestamps } ...Values", 2],
    ["timestamps @skip(if: $yes) values @include(if: $no) rowCount", 0],
    ["...Values @skip(if: $no)", 1],
  ])("for { %s } builds %d columns", async (fields, columns) => {
    const used = fields.includes("...Values")
      ? fields
      : `${fields} ...Values @skip(if: $yes)`;
    const [statement, ...others] = await askFor(used);
    expect(others).toEqual([]);
    expect(statement?.sql.match(/array_to_json/g) ?? []).toHaveLength(columns);
  });

  test("is one for the last event of every stream of a page", async () => {
    const statements = await statementsOf(async () => {
      const answer = await ask(
        viewer,
        `{ streams { nodes { last { timestamp value } } } }`,
      );
      expect(outcome(answer)).toBe("ok");
    });
    expect(statements).toHaveLength(1);
  });

  test.each([
    ["a page", `events(window: $window) { timestamps values }`],
    [
      "a page with one event beyond each end",
      `events(window: $window, boundary: OUTSIDE) { timestamps values }`,
    ],
    ["the first event", `first { value }`],
    [
      "the next event",
      `at(timestamp: "2026-01-01T00:10:00Z", mode: NEXT) { value }`,
    ],
  ])("for %s reads the partition of its month alone", async (_, fields) => {
    const [statement] = await statementsOf(async () => {
      const answer = await ask(
        viewer,
        `query ($id: ID!, $window: TimeWindow!) { stream(id: $id) { ${fields} } }`,
        { id: shared.uuid, window: window(10, 20) },
      );
      expect(outcome(answer)).toBe("ok");
    });
    const client = new pg.Client(roleUrl(database.url, "stream"));
    await client.connect();
    const { rows } = await client
      .query<{
        "QUERY PLAN": string;
      }>(`explain (analyze, costs off) ${statement?.sql}`, [
        ...(statement?.bindings ?? []),
      ])
      .finally(() => client.end());
    const read = rows
      .map((row) => row["QUERY PLAN"])
      .filter((line) => /Scan.* on events_/.test(line))
      .filter((line) => !line.includes("never executed"));
    expect(read.length).toBeGreaterThan(0);
    for (const line of read) expect(line).toContain("events_2026_01");
  });
});

test("columns carry their properties' kinds, and units with the stream's overrides; an unknown one is refused", async () => {
  const tenant = { id: shared.tenantId, uuid: "" };
  const stream = await seed.stream(tenant, {
    properties: [
      { name: "flow", kind: "FLOAT" },
      { name: "isOpen", kind: "BOOLEAN" },
      { name: "note", kind: "TEXT" },
    ],
  });
  await database.owner("stream.property_overrides").insert({
    tenant_id: stream.tenantId,
    stream_id: stream.id,
    position: 0,
    uom: "m3/h",
  });
  const columns = (properties: string) =>
    ask(
      viewer,
      `query ($id: ID!) {
        stream(id: $id) {
          events(window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }) {
            columns${properties} { name property kind uom values }
          }
        }
      }`,
      { id: stream.uuid },
    );
  const column = (name: string, kind: string, uom: string | null) => ({
    ...{ name, property: name, kind, uom, values: [] },
  });
  const flow = column("flow", "FLOAT", "m3/h");
  const isOpen = column("isOpen", "BOOLEAN", null);
  const note = column("note", "TEXT", null);
  expect((await columns("")).data).toEqual({
    stream: { events: { columns: [flow, isOpen, note] } },
  });
  expect((await columns(`(properties: ["note", "flow"])`)).data).toEqual({
    stream: { events: { columns: [note, flow] } },
  });
  const refused = await columns(`(properties: ["pressure"])`);
  expect(refused.data).toEqual({ stream: { events: null } });
  expect(refused.errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining('"flow", "isOpen", "note"'),
      extensions: { code: "BAD_USER_INPUT", at: "properties" },
    }),
  ]);
});

test("what is remembered of types gives each event the values of its own type, to whoever asks and however often", async () => {
  const tenant = await seed.tenant();
  const reader = as(await seed.user(tenant, ["VIEWER"]));
  const stranger = as(await seed.user(await seed.tenant(), ["VIEWER"]));
  const kinds = ["FLOAT", "BOOLEAN", "FLOAT", "BOOLEAN"] as const;
  const streams: Stream[] = [];
  for (const [i, kind] of kinds.entries()) {
    const properties = [
      { name: `of ${i}`, kind },
      { name: `more of ${i}`, kind: "TEXT" as const },
    ];
    const stream = await seed.stream(tenant, { name: `${i}`, properties });
    await seed.events(stream, 2);
    streams.push(stream);
  }
  const read = `last { value values } first { value } at(timestamp: "2026-01-01T00:01:00Z") { values }`;
  const expected = kinds.map((kind, i) => {
    const [first, last] = kind === "BOOLEAN" ? [false, true] : [0, 1];
    const values = { [`of ${i}`]: last, [`more of ${i}`]: null };
    return {
      last: { value: last, values },
      first: { value: first },
      at: { values },
    };
  });
  for (let times = 0; times < 3; times += 1) {
    const { data } = await ask(reader, `{ streams { nodes { ${read} } } }`);
    expect(data).toEqual({ streams: { nodes: expected } });
    for (const { uuid } of streams)
      expect(
        outcome(await ask(stranger, `{ stream(id: "${uuid}") { ${read} } }`)),
      ).toBe("NOT_FOUND");
  }
});
