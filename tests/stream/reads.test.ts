import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { connect, type Knex } from "../../common/database.ts";
import { createLogger } from "../../common/log.ts";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { roleUrl } from "../../migrations/run.ts";
import {
  digested,
  ReadRecorder,
} from "../../subgraphs/stream/usage/recorder-store.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import {
  usualLimits,
  type ReadLimits,
} from "../../subgraphs/stream/event/limits.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { untilWaiting } from "../support/waiting.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let seed: Seed;
let recorder: ReadRecorder;
let subgraph: Subgraph;

/** A plant that shares a stream in two communities with a partner, and in the second with a rival too. */
let plant: Row;
let partner: Row;
let communities: readonly [Row, Row];
let places: readonly [Membership, Membership];
let partners: readonly [Membership, Membership];
let stream: Stream;
let shares: readonly [Row, Row];
let steward: Identity;
let reader: Identity;
let administrator: Identity;
let rival: Identity;
let rivalSteward: Identity;

beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  recorder = new ReadRecorder(
    database.as("stream"),
    createLogger("test", "silent"),
  );
  subgraph = streamSubgraph(database, recorder);
});
afterAll(() => database.drop());

beforeEach(async () => {
  plant = await seed.tenant();
  partner = await seed.tenant();
  const rivals = await seed.tenant();
  const first = await seed.community(plant);
  const second = await seed.community(plant);
  communities = [first, second];
  places = [first.ownerMembership, second.ownerMembership];
  partners = [
    await seed.membership(first, partner),
    await seed.membership(second, partner),
  ];
  const theirs = await seed.membership(second, rivals);
  steward = await seed.user(plant, ["DATA_STEWARD"]);
  administrator = await seed.user(partner, ["ACCOUNT_ADMINISTRATOR"]);
  reader = await seed.user(partner);
  rival = await seed.client(rivals);
  rivalSteward = await seed.user(rivals, ["DATA_STEWARD"]);
  for (const place of partners) await seed.member(place, reader);
  for (const identity of [rival, rivalSteward])
    await seed.member(theirs, identity);
  stream = await seed.stream(plant);
  await seed.events(stream, 60);
  shares = [
    await seed.share(stream, places[0]),
    await seed.share(stream, places[1]),
  ];
});

const from = "2026-01-01T00:00:00+00:00";
const to = "2026-01-01T00:09:00+00:00";
const window = `window: { from: "${from}", to: "${to}" }`;

const ask = async (viewer: Identity | Viewer, query: string) => {
  const answer = await run(
    subgraph,
    "uuid" in viewer ? as(viewer) : viewer,
    query,
  );
  await recorder.write();
  return answer;
};

const read = (viewer: Identity, field: string, of = stream) =>
  ask(viewer, `{ stream(id: "${of.uuid}") { ${field} } }`);

interface Told {
  kind: string;
  from: string | null;
  to: string | null;
  pointCount: number;
  name: string;
  isPseudonym: boolean;
  identityKind: string | null;
  tenant: { id: string };
  share: { id: string } | null;
  community: { id: string } | null;
  requestId: string;
}

const told = `nodes { at kind from to pointCount name isPseudonym identityKind requestId
  tenant { id } share { id } community { id } }`;

async function readsOf(viewer: Identity, of = stream): Promise<Told[] | null> {
  const { data, errors } = await read(viewer, `reads { ${told} }`, of);
  expect(errors).toEqual([]);
  const { reads } = (
    data as unknown as { stream: { reads: { nodes: Told[] } | null } }
  ).stream;
  return reads && reads.nodes;
}

interface Used {
  day: string;
  tenant: { id: string };
  community: { id: string } | null;
  readCount: number;
  pointCount: number;
}

async function usageOf(viewer: Identity, tenant: Row, args = "") {
  const side = `{ nodes { day tenant { id } community { id } readCount pointCount } totalCount }`;
  const { data, errors } = await ask(
    viewer,
    `{ _entities(representations: [{ __typename: "Tenant", id: "${tenant.uuid}" }]) {
         ... on Tenant { usage${args} { given ${side} received ${side} } } } }`,
  );
  expect(errors).toEqual([]);
  return (
    data as unknown as {
      _entities: [
        {
          usage: Record<
            "given" | "received",
            { nodes: Used[]; totalCount: number }
          > | null;
        },
      ];
    }
  )._entities[0].usage;
}

/** Every field that hands out events or values, what is told of its window, and how many points. */
const fields: readonly [string, Partial<Told>][] = [
  ["first { value }", { kind: "FIRST", from: null, to: null, pointCount: 1 }],
  ["last { value }", { kind: "LAST", from: null, to: null, pointCount: 1 }],
  [
    `at(timestamp: "${from}") { value }`,
    { kind: "AT", from, to: from, pointCount: 1 },
  ],
  [
    `events(${window}, first: 4) { values }`,
    { kind: "EVENTS", from, to, pointCount: 4 },
  ],
  [
    `interpolated(${window}, count: 5) { values }`,
    { kind: "INTERPOLATED", from, to, pointCount: 5 },
  ],
  [
    `interpolated(timestamps: ["${to}", "${from}"]) { values }`,
    { kind: "INTERPOLATED", from, to, pointCount: 2 },
  ],
  [
    `summaries(${window}, count: 3) { values }`,
    { kind: "SUMMARIES", from, to, pointCount: 3 },
  ],
  [
    `plot(${window}, width: 2) { values }`,
    { kind: "PLOT", from, to, pointCount: 4 },
  ],
  [
    `lttb(${window}, points: 3) { values }`,
    { kind: "LTTB", from, to, pointCount: 3 },
  ],
];

describe("a read by another tenant", () => {
  test.each(fields)(
    "is told to the sharing side: %s",
    async (field, expected) => {
      expect(outcome(await read(reader, field))).toBe("ok");
      expect(await readsOf(steward)).toEqual([
        {
          at: expect.any(String),
          requestId: expect.any(String),
          ...expected,
          name: expect.stringMatching(/^user /),
          isPseudonym: false,
          identityKind: "USER",
          tenant: { id: partner.uuid },
          share: { id: shares[0].uuid },
          community: { id: communities[0].uuid },
        },
      ]);
    },
  );

  test.each([
    [
      "of a community",
      () =>
        `community: _entities(representations: [{ __typename: "Community", id: "${communities[1].uuid}" }]) { ... on Community { streams { nodes { last { value } } } } }`,
      1,
    ],
    [
      "of a community, in another order",
      () =>
        `community: _entities(representations: [{ __typename: "Community", id: "${communities[1].uuid}" }]) { ... on Community { streams(orderBy: { field: CREATED_AT }) { edges { node { last { value } } } } } }`,
      1,
    ],
    ["of all", () => `streams { nodes { last { value } } }`, null],
    [
      "of all, in another order",
      () =>
        `streams(orderBy: { field: CREATED_AT }) { nodes { last { value } } }`,
      0,
    ],
    [
      "of some communities",
      () =>
        `streams(communityIds: ["${communities[1].uuid}"]) { nodes { last { value } } }`,
      0,
    ],
  ] satisfies [string, () => string, 0 | 1 | null][])(
    "is told of each last value in a list %s",
    async (_list, query, place) => {
      const own = await seed.stream(partner, { owner: reader });
      await seed.events(own, 1);
      await ask(reader, `{ ${query()} }`);
      const reads = await readsOf(steward);
      expect(reads).toMatchObject([{ kind: "LAST", pointCount: 1 }]);
      if (place !== null)
        expect(reads).toMatchObject([
          {
            community: { id: communities[place].uuid },
            share: { id: shares[place].uuid },
          },
        ]);
      expect(
        await database.owner("stream.reads").where({ tenant_id: partner.id }),
      ).toEqual([]);
    },
  );

  test("is told of each stream that is joined with others", async () => {
    const own = await seed.stream(partner, { owner: reader });
    const { errors } = await ask(
      reader,
      `{ streamJoin(ids: ["${own.uuid}", "${stream.uuid}"], mode: OUTER, ${window}) { rowCount } }`,
    );
    expect(errors).toEqual([]);
    expect(await readsOf(steward)).toMatchObject([
      {
        kind: "JOIN",
        from,
        to,
        pointCount: 10,
        share: { id: shares[0].uuid },
      },
    ]);
  });

  test("is told of each stream whose last event is read with those of others, own ones apart", async () => {
    const own = await seed.stream(partner, { owner: reader });
    const { errors } = await ask(
      reader,
      `{ streamLast(ids: ["${own.uuid}", "${stream.uuid}"]) { values } }`,
    );
    expect(errors).toEqual([]);
    expect(await readsOf(steward)).toMatchObject([
      {
        ...{ kind: "LAST", from: null, to: null, pointCount: 1 },
        ...{ name: expect.any(String), tenant: { id: partner.uuid } },
        share: { id: shares[0].uuid },
        community: { id: communities[0].uuid },
      },
    ]);
    expect(
      await database.owner("stream.reads").where({ tenant_id: partner.id }),
    ).toEqual([]);
  });

  test.each([0, 1] as const)(
    "is told of the last events in a list through the oldest share, which is that of place %s",
    async (oldest) => {
      await database
        .owner("stream.shares")
        .where({ id: shares[oldest].id })
        .update({ shared_at: "2026-01-01T00:00:00Z" });
      const list = (search: string) =>
        ask(
          reader,
          `{ streams(${search}first: 5) { nodes { last { timestamp } } } }`,
        );
      for (const search of ["", `search: "stream", `, "from: SHARED, "]) {
        expect((await list(search)).errors).toEqual([]);
        const [read] = (await readsOf(steward)) ?? [];
        expect(read).toMatchObject({
          ...{ kind: "LAST", pointCount: 1 },
          share: { id: shares[oldest].uuid },
          community: { id: communities[oldest].uuid },
        });
        await database.owner("stream.reads").delete();
      }
    },
  );

  test("is told of each stream of a trend, through the community that the reader is told", async () => {
    const own = await seed.stream(partner, { owner: reader });
    const trend = () =>
      ask(
        reader,
        `{ trend(input: { streamIds: ["${own.uuid}", "${stream.uuid}"], ${window}, width: 2 }) { community { id } rowCount lastValue } }`,
      );
    // The oldest share's of those that let the reader in; the last event is handed out with the four that are drawn.
    for (const place of [0, 1] as const) {
      const { data, errors } = await trend();
      expect(errors).toEqual([]);
      expect(data).toMatchObject({
        trend: [
          { community: null, rowCount: 0, lastValue: null },
          {
            community: { id: communities[place].uuid },
            rowCount: 4,
            lastValue: 59,
          },
        ],
      });
      const [read] = (await readsOf(steward)) ?? [];
      expect(read).toMatchObject({
        ...{ kind: "TREND", from, to, pointCount: 5 },
        share: { id: shares[place].uuid },
        community: { id: communities[place].uuid },
      });
      await database
        .owner("stream.shares")
        .where({ id: shares[place].id })
        .delete();
    }
    expect(outcome(await trend())).toBe("NOT_FOUND");
    expect(
      await database.owner("stream.reads").where({ tenant_id: plant.id }),
    ).toHaveLength(2);
  });

  test("is not told of a list that shows no value, of an own stream, or of what is refused", async () => {
    await ask(reader, `{ streams { nodes { id name } } }`);
    await read(steward, "last { value } events(" + window + ") { values }");
    const stranger = await seed.user(await seed.tenant());
    expect(outcome(await read(stranger, "last { value }"))).toBe("NOT_FOUND");
    await read(reader, `events(${window}, filter: "(") { values }`);
    expect(await readsOf(steward)).toEqual([]);
  });

  test("names the share that is still open, once the older one is ended", async () => {
    await database.owner("stream.shares").where({ id: shares[0].id }).delete();
    await read(reader, "last { value }");
    expect(await readsOf(steward)).toMatchObject([
      { share: { id: shares[1].uuid }, community: { id: communities[1].uuid } },
    ]);
  });

  test("keeps what it was when share, reader and community are gone", async () => {
    await read(reader, "last { value }");
    await read(rival, "last { value }");
    await database
      .owner("stream.shares")
      .where({ tenant_id: plant.id })
      .delete();
    await database
      .owner("community.members")
      .where({ identity_id: reader.id })
      .delete();
    await database
      .owner("tenant.users")
      .where({ identity_id: reader.id })
      .delete();
    await database.owner("tenant.identities").where({ id: reader.id }).delete();
    const [theirs, gone] = (await readsOf(steward)) ?? [];
    expect(theirs).toMatchObject({
      name: expect.stringMatching(/^client /),
      share: null,
    });
    expect(gone).toMatchObject({
      name: expect.stringMatching(/^reader [0-9a-f]{16}$/),
      isPseudonym: true,
      identityKind: null,
      share: null,
      tenant: { id: partner.uuid },
    });
  });

  test("shows a pseudonym, the same as among the readers, where the reader's tenant chose so", async () => {
    await database
      .owner("tenant.tenants")
      .where({ id: partner.id })
      .update({ uses_pseudonyms: true });
    await read(reader, "last { value } first { value }");
    const reads = (await readsOf(steward)) ?? [];
    const { data } = await read(
      steward,
      "readers { nodes { name isPseudonym } }",
    );
    const { readers } = (
      data as unknown as {
        stream: {
          readers: { nodes: { name: string; isPseudonym: boolean }[] };
        };
      }
    ).stream;
    const names = readers.nodes
      .filter((one) => one.isPseudonym)
      .map(({ name }) => name);
    expect(reads).toHaveLength(2);
    for (const { name, isPseudonym } of reads) {
      expect(isPseudonym).toBe(true);
      expect(names).toContain(name);
    }
    // Nothing that the sharer is told holds more of the reader.
    const { rows } = await database.owner.raw<{ rows: { text: string }[] }>(
      `select e.after::text as text from ledger.entries e where e.kind = 'READ' and e.subject_id = ?`,
      [plant.uuid],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.text).not.toContain(reader.uuid);
    expect(JSON.stringify(reads)).not.toContain(reader.uuid);
  });
});

describe("a reader behind a pseudonym", () => {
  const choose = (uses_pseudonyms: boolean) =>
    database
      .owner("tenant.tenants")
      .where({ id: partner.id })
      .update({ uses_pseudonyms });

  test("is not told by what it read by name before, nor its name by what it read as one", async () => {
    await read(reader, "last { value }");
    const [byName] = (await readsOf(steward)) ?? [];
    expect(byName?.isPseudonym).toBe(false);
    await choose(true);
    await read(reader, "last { value }");
    const [now, before] = (await readsOf(steward)) ?? [];
    expect([now?.isPseudonym, before?.isPseudonym]).toEqual([true, true]);
    expect(now?.name).not.toBe(before?.name);
    await choose(false);
    const [later, first] = (await readsOf(steward)) ?? [];
    expect(later?.name).toBe(now?.name);
    expect(first?.name).toBe(byName?.name);
  });

  test("is not told to be the same by the request of two sharers", async () => {
    await choose(true);
    const others = await seed.tenant();
    const place = await seed.membership(communities[0], others);
    const theirs = await seed.stream(others);
    await seed.events(theirs, 1);
    await seed.share(theirs, place);
    const theirSteward = await seed.user(others, ["DATA_STEWARD"]);
    const { errors } = await ask(
      reader,
      `{ a: stream(id: "${stream.uuid}") { last { value } } b: stream(id: "${theirs.uuid}") { last { value } } }`,
    );
    expect(errors).toEqual([]);
    const [ours] = (await readsOf(steward)) ?? [];
    const [other] = (await readsOf(theirSteward, theirs)) ?? [];
    expect(ours?.requestId).toBeDefined();
    expect(other?.requestId).not.toBe(ours?.requestId);
    const own = [
      await readsOf(reader),
      await readsOf(reader, theirs),
    ] as Told[][];
    expect(own[0]?.[0]?.requestId).toBe(own[1]?.[0]?.requestId);
  });

  test("is in no numbering, which would tell how much is read of others' streams", async () => {
    for (let i = 0; i < 3; i += 1)
      await ask(reader, `{ stream(id: "${stream.uuid}") { last { value } } }`);
    const { data } = await read(steward, "reads { edges { cursor } }");
    const { edges } = (
      data as unknown as { stream: { reads: { edges: { cursor: string }[] } } }
    ).stream.reads;
    const numbers = edges.map(({ cursor }) =>
      Number(
        (
          JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[]
        ).at(-1),
      ),
    );
    expect(numbers).toHaveLength(3);
    const [first = 0, ...others] = numbers;
    for (const other of others)
      expect(Math.abs(other - first)).toBeGreaterThan(1e6);
  });
});

test("what is refused because of the values is recorded all the same", async () => {
  const overflows = 'filter: "value >= 0 and value * 1e308 * 1e308 > 0"';
  for (const field of [
    `events(${window}, ${overflows}) { rowCount }`,
    `summaries(${window}, count: 1, ${overflows}) { rowCount }`,
  ]) {
    const { errors } = await read(reader, field);
    expect(errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  }
  expect(await readsOf(steward)).toMatchObject([
    { kind: "SUMMARIES", pointCount: 0 },
    { kind: "EVENTS", pointCount: 0 },
  ]);
});

describe("what fails or is too large is recorded all the same:", () => {
  const limited = async (limits: Partial<ReadLimits>, query: string) => {
    const answer = await run(
      {
        ...subgraph,
        createContext: createContext(database.as("stream"), recorder, {
          ...usualLimits,
          ...limits,
        }),
      },
      as(reader),
      query,
    );
    await recorder.write();
    return answer;
  };
  const drawn = () =>
    `{ stream(id: "${stream.uuid}") { lttb(${window}, points: 3) { rowCount } } }`;

  test("lttb over more events than may be gone through", async () => {
    const answer = await limited({ points: 5 }, drawn());
    expect(outcome(answer)).toBe("LIMIT_EXCEEDED");
    expect(await readsOf(steward)).toMatchObject([{ kind: "LTTB", from, to }]);
  });

  test("lttb that takes too long before it has chosen what to draw", async () => {
    await database.owner.transaction(async (transaction) => {
      await transaction.raw(
        "lock table stream.events in access exclusive mode",
      );
      expect(outcome(await limited({ milliseconds: 100 }, drawn()))).toBe(
        "TIMEOUT",
      );
    });
    expect(await readsOf(steward)).toMatchObject([
      { kind: "LTTB", from, to, pointCount: 0 },
    ]);
  });

  test("a join, of each stream that is read", async () => {
    const other = await seed.stream(plant);
    await seed.events(other, 3);
    await seed.share(other, places[0]);
    await database.owner.transaction(async (transaction) => {
      await transaction.raw(
        "lock table stream.events in access exclusive mode",
      );
      const answer = await limited(
        { milliseconds: 100 },
        `{ streamJoin(ids: ["${stream.uuid}", "${other.uuid}"], mode: OUTER, ${window}) { rowCount } }`,
      );
      expect(outcome(answer)).toBe("TIMEOUT");
    });
    for (const one of [stream, other])
      expect(await readsOf(steward, one)).toMatchObject([
        { kind: "JOIN", from, to, pointCount: 0 },
      ]);
  });
});

describe("a statement that has run for more than a second", () => {
  // What is noted is what was handed out.
  const doors = () =>
    ({
      LAST: `{ streamLast(ids: ["${stream.uuid}"]) { values } }`,
      FIRST: `{ stream(id: "${stream.uuid}") { first { value } } }`,
      JOIN: `{ streamJoin(ids: ["${stream.uuid}"], mode: OUTER, ${window}) { rowCount } }`,
      SUMMARIES: `{ stream(id: "${stream.uuid}") { summaries(${window}, count: 3) { values } } }`,
      LTTB: `{ stream(id: "${stream.uuid}") { lttb(${window}, points: 3) { values } } }`,
      TREND: `{ trend(input: { streamIds: ["${stream.uuid}"], ${window}, width: 2 }) { values } }`,
    }) as const;
  // Which bring the last event along.
  const lists = () => [
    `{ stream(id: "${stream.uuid}") { last { value } } }`,
    `{ streams { nodes { last { value } } } }`,
    `{ _entities(representations: [{ __typename: "Community", id: "${communities[0].uuid}" }]) {
         ... on Community { streams { nodes { last { value } } } } } }`,
  ];
  const latest = "from stream.latest l";
  let reach: string;

  beforeAll(async () => {
    const { rows } = await database.owner.raw<{ rows: [{ text: string }] }>(
      "select pg_get_functiondef('stream.reach'::regproc) as text",
    );
    reach = rows[0].text;
    expect(reach).toContain(latest);
    const held = `${latest} cross join pg_advisory_xact_lock_shared(1)`;
    await database.owner.raw(reach.replace(latest, held));
  });
  afterAll(() => database.owner.raw(reach));

  /**
   * Reads through every door at once, with something done while the gate has let all of them in. In turns, for one
   * identity has not so many reads under way.
   */
  async function readHeldUp(
    meanwhile: (transaction: Knex) => Promise<unknown>,
  ) {
    const queries = [...Object.values(doors()), ...lists()];
    const colleague = await seed.user(partner);
    await seed.member(partners[0], colleague);
    const answers = await database.owner.transaction(async (transaction) => {
      await transaction.raw("select pg_advisory_xact_lock(1)");
      const reading = queries.map((query, i) =>
        run(subgraph, as(i % 2 ? colleague : reader), query),
      );
      // By another connection: a transaction sees no session that is newer than its first look at them.
      await untilWaiting(database.owner, queries.length);
      await sleep(1_000);
      await meanwhile(transaction);
      return reading;
    });
    const settled = await Promise.all(answers);
    await recorder.write();
    return settled;
  }

  const noted = async () =>
    new Map(
      (await readsOf(steward))?.map(({ kind, pointCount }) => [
        kind,
        pointCount,
      ]),
    );

  test("hands out nothing to whose access has ended meanwhile", async () => {
    const answers = await readHeldUp((transaction) =>
      transaction("stream.shares").where({ stream_id: stream.id }).delete(),
    );
    expect(answers.map(outcome)).toEqual(answers.map(() => "NOT_FOUND"));
    expect(JSON.stringify(answers.map(({ data }) => data))).not.toMatch(
      /"values?":(?!null)/,
    );
    expect(await noted()).toEqual(
      new Map(Object.keys(doors()).map((kind) => [kind, 0])),
    );
  });

  test("hands out what it has found to who may read it still", async () => {
    const answers = await readHeldUp(() => Promise.resolve());
    const quick = await Promise.all(
      [...Object.values(doors()), ...lists()].map((query) =>
        run(subgraph, as(reader), query),
      ),
    );
    expect(answers.map(outcome)).toEqual(answers.map(() => "ok"));
    expect(answers).toEqual(quick);
    expect(Math.min(...(await noted()).values())).toBeGreaterThan(0);
  });
});

test("one that the database refuses is left out with its ids in the log, and takes no other along", async () => {
  const lines: string[] = [];
  const listening = new ReadRecorder(
    database.as("stream"),
    pino({}, { write: (line: string) => void lines.push(line) }),
  );
  const graph = streamSubgraph(database, listening);
  const readAs = (requestId: string) =>
    run(
      {
        ...graph,
        createContext: (call) => graph.createContext({ ...call, requestId }),
      },
      as(reader),
      `{ stream(id: "${stream.uuid}") { last { value } first { value } } }`,
    );
  // Text in PostgreSQL holds no character 0, wherever this one came from.
  const poison = "poison\0";
  for (const requestId of ["a", "b", poison, "c", "d"]) await readAs(requestId);
  await listening.write();
  const { rows } = await database.owner.raw<{ rows: { request: string }[] }>(
    `select r.request_id as request from stream.reads r where r.stream_id = ? order by r.request_id`,
    [stream.id],
  );
  expect(rows.map(({ request }) => request)).toEqual([
    "a",
    "a",
    "b",
    "b",
    "c",
    "c",
    "d",
    "d",
  ]);
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject(
    ["LAST", "FIRST"].map((kind) => ({
      msg: "a read was not kept",
      read: {
        kind,
        tenant_id: plant.id,
        stream_id: stream.id,
        share_id: shares[0].uuid,
        reader_id: reader.id,
        reader_tenant_id: partner.id,
        request_id: expect.stringContaining("poison"),
      },
    })),
  );
  const { given } = (await usageOf(steward, plant)) ?? {};
  expect(given?.nodes).toMatchObject([{ readCount: 8 }]);
});

test("what has to wait for longer than a statement may take is kept later, and once", async () => {
  const lines: string[] = [];
  const hurried = connect(roleUrl(database.url, "stream"), {
    name: "hurried",
    poolSize: 1,
    statementTimeoutMs: 100,
  });
  const listening = new ReadRecorder(
    hurried,
    pino({}, { write: (line: string) => void lines.push(line) }),
  );
  const graph = streamSubgraph(database, listening);
  try {
    await database.owner.transaction(async (transaction) => {
      await transaction.raw("lock table stream.usage in exclusive mode");
      await run(
        graph,
        as(reader),
        `{ stream(id: "${stream.uuid}") { last { value } first { value } } }`,
      );
      await listening.write();
    });
    await listening.write();
  } finally {
    await hurried.destroy();
  }
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { msg: "Reads could not be kept yet." },
  ]);
  expect(await readsOf(steward)).toMatchObject([
    { kind: expect.stringMatching(/FIRST|LAST/) },
    { kind: expect.stringMatching(/FIRST|LAST/) },
  ]);
  const { given } = (await usageOf(steward, plant)) ?? {};
  expect(given?.nodes).toMatchObject([{ readCount: 2 }]);
});

describe("who is told of reads", () => {
  test("a moderator of the sharing tenant: those in the communities that it leads", async () => {
    const moderator = await seed.user(plant);
    await seed.member(places[1], moderator, "MODERATOR");
    await read(reader, "last { value }");
    await read(rival, "last { value }");
    expect(await readsOf(moderator)).toMatchObject([
      { community: { id: communities[1].uuid }, identityKind: "CLIENT" },
    ]);
    expect(await readsOf(steward)).toHaveLength(2);
    expect(await usageOf(moderator, plant)).toMatchObject({
      given: {
        nodes: [{ community: { id: communities[1].uuid } }],
        totalCount: 1,
      },
      received: { nodes: [] },
    });
  });

  test("an own identity without S8: null", async () => {
    const viewer = await seed.user(plant, ["VIEWER"]);
    await read(reader, "last { value }");
    expect(await readsOf(viewer)).toBeNull();
    expect(await usageOf(viewer, plant)).toBeNull();
  });

  test("the reading tenant: its own, by name, and of another tenant's nothing", async () => {
    await database
      .owner("tenant.tenants")
      .where({ id: partner.id })
      .update({ uses_pseudonyms: true });
    const colleague = await seed.user(partner);
    for (const place of partners) await seed.member(place, colleague);
    await seed.member(partners[0], administrator);
    await read(reader, "last { value }");
    await read(rival, "last { value }");
    await read(colleague, "first { value }");
    expect(await readsOf(administrator)).toMatchObject([
      { kind: "FIRST", isPseudonym: false, tenant: { id: partner.uuid } },
      { kind: "LAST", isPseudonym: false, tenant: { id: partner.uuid } },
    ]);
    expect(await readsOf(reader)).toMatchObject([{ kind: "LAST" }]);
    expect(await readsOf(rivalSteward)).toMatchObject([
      { identityKind: "CLIENT" },
    ]);
    expect(await usageOf(administrator, plant)).toBeNull();
    expect(
      (await usageOf(rivalSteward, rivalTenant()))?.received,
    ).toMatchObject({
      nodes: [{ tenant: { id: plant.uuid }, readCount: 1 }],
      totalCount: 1,
    });
  });

  test("a tenant that was removed still of what it read, and no more of the stream", async () => {
    await read(reader, "last { value }");
    for (const { id } of partners)
      await database.owner("community.memberships").where({ id }).delete();
    expect(outcome(await read(administrator, `reads { ${told} }`))).toBe(
      "NOT_FOUND",
    );
    await read(rival, "last { value }");
    expect((await usageOf(administrator, partner))?.received).toMatchObject({
      nodes: [{ tenant: { id: plant.uuid }, readCount: 1 }],
      totalCount: 1,
    });
    expect(await readsOf(steward)).toHaveLength(2);
  });

  const rivalTenant = (): Row => ({ id: rival.tenantId, uuid: rivalTenantId });
  let rivalTenantId = "";
  beforeEach(async () => {
    const row = (await database
      .owner("tenant.tenants")
      .where({ id: rival.tenantId })
      .first("uuid")) as { uuid: string };
    rivalTenantId = row.uuid;
  });
});

describe("usage", () => {
  test("adds up by day, partner and community, both ways", async () => {
    const day = `${new Date().toISOString().slice(0, 10)}T00:00:00+00:00`;
    const back = await seed.stream(partner);
    await seed.share(back, partners[1]);
    const own = await seed.user(plant);
    await seed.member(places[1], own);
    await read(reader, `last { value } events(${window}) { values }`);
    await read(reader, "first { value }");
    await read(rival, "last { value }");
    await read(own, "last { value }", back);
    const usage = await usageOf(steward, plant);
    expect(usage?.given.totalCount).toBe(2);
    expect(usage?.given.nodes).toEqual(
      expect.arrayContaining([
        {
          day,
          tenant: { id: partner.uuid },
          community: { id: communities[0].uuid },
          readCount: 3,
          pointCount: 12,
        },
        expect.objectContaining({
          community: { id: communities[1].uuid },
          readCount: 1,
        }),
      ]),
    );
    expect(usage?.received.nodes).toEqual([
      {
        day,
        tenant: { id: partner.uuid },
        community: { id: communities[1].uuid },
        readCount: 1,
        pointCount: 0,
      },
    ]);
    const of = (args: string) => usageOf(steward, plant, args);
    expect(
      (await of(`(communityId: "${communities[1].uuid}")`))?.given.nodes,
    ).toHaveLength(1);
    expect((await of(`(communityId: "none")`))?.given.nodes).toEqual([]);
    expect((await of(`(${window})`))?.given.nodes).toEqual([]);
    expect(
      (
        await of(
          `(window: { from: "${new Date().toISOString()}", to: "${new Date().toISOString()}" })`,
        )
      )?.given.nodes,
    ).toHaveLength(2);
  });

  test("is right when several processes write at once", async () => {
    const others = Array.from(
      { length: 4 },
      () =>
        new ReadRecorder(database.as("stream"), createLogger("test", "silent")),
    );
    await Promise.all(
      others.flatMap((one) => {
        const graph = streamSubgraph(database, one);
        return [reader, rival].map(async (who) => {
          for (let i = 0; i < 10; i += 1) {
            await run(
              graph,
              as(who),
              `{ stream(id: "${stream.uuid}") { last { value } } }`,
            );
            await one.write();
          }
        });
      }),
    );
    const usage = await usageOf(steward, plant);
    expect(usage?.given.nodes.map(({ readCount }) => readCount)).toEqual([
      40, 40,
    ]);
    const { data } = await read(
      steward,
      "reads(first: 10) { totalCount pageInfo { endCursor hasNextPage } nodes { kind } }",
    );
    expect(data).toMatchObject({
      stream: { reads: { totalCount: 80, pageInfo: { hasNextPage: true } } },
    });
  });
});

describe("the ledger", () => {
  interface Entry {
    after: { readers: object[]; digest: string };
    tenants: string[];
    community: string | null;
    batch: string;
  }
  const entries = async () => {
    const { rows } = await database.owner.raw<{ rows: Entry[] }>(
      `select e.after, e.tenant_ids as tenants, e.community_id as community, e.request_id as batch
       from ledger.entries e where e.kind = 'READ' and e.subject_id = ? order by e.id`,
      [plant.uuid],
    );
    return rows;
  };
  const digestOf = async (batch: string) => {
    const { rows } = await database.owner.raw<{ rows: [{ digest: string }] }>(
      `select encode(sha256(convert_to(string_agg(r.line, E'\\n' order by r.line collate "C"), 'UTF8')), 'hex') as digest
       from (select ${digested} as line from stream.reads r where r.tenant_id = ? and r.batch_id = ?) r`,
      [plant.id, batch],
    );
    return rows[0].digest;
  };

  test("has one entry a batch and sharing tenant, for that tenant alone, which vouches for every read of it", async () => {
    const other = await seed.stream(plant);
    await seed.share(other, places[0]);
    const theirs = await seed.stream(partner);
    await seed.share(theirs, partners[1]);
    for (const [who, one] of [
      [reader, stream],
      [reader, other],
      [rival, stream],
      [rival, theirs],
    ] as const)
      await run(
        subgraph,
        as(who),
        `{ stream(id: "${one.uuid}") { last { value } events(${window}) { values } } }`,
      );
    await recorder.write();
    const [entry, ...more] = await entries();
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ tenants: [plant.uuid], community: null });
    expect(entry?.after.readers).toHaveLength(2);
    expect(entry?.after.readers).toEqual(
      expect.arrayContaining([
        {
          tenantId: partner.uuid,
          reader: expect.stringMatching(/^[0-9a-f]{16}$/),
          reads: 4,
          points: 11,
        },
      ]),
    );
    const batch = entry?.batch ?? "";
    expect(await digestOf(batch)).toBe(entry?.after.digest);
    await database
      .owner("stream.reads")
      .where({ batch_id: batch, tenant_id: plant.id, kind: "EVENTS" })
      .update({ points: 0 });
    expect(await digestOf(batch)).not.toBe(entry?.after.digest);
  });

  test("loses nothing of what the subgraph may write: it neither changes nor removes a read", async () => {
    await read(reader, "last { value }");
    for (const statement of [
      "update stream.reads set points = 0",
      "delete from stream.reads",
    ])
      await expect(database.as("stream").raw(statement)).rejects.toThrow(
        /permission denied/,
      );
  });
});
