import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { ensurePartitions } from "../../subgraphs/stream/event/partition-store.ts";
import {
  dropPartitions,
  removeExpired,
} from "../../subgraphs/stream/event/retention-store.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { untilWaiting } from "../support/waiting.ts";
import { attempt } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

let plant: Row;
let contributor: Identity;
let reader: Identity;
let place: Row & { ownerMembership: Membership };
beforeEach(async () => {
  plant = await seed.tenant();
  contributor = await seed.user(plant, ["CONTRIBUTOR"]);
  const vendor = await seed.tenant();
  reader = await seed.user(vendor);
  place = await seed.community(plant);
  await seed.member(await seed.membership(place, vendor), reader);
});

const minuteMs = 60_000;
const started = Math.floor(Date.now() / minuteMs) * minuteMs;
/** So many minutes ago. */
const ago = (minutes: number) =>
  new Date(started - minutes * minuteMs).toISOString();

const write = (stream: Stream, timestamps: readonly string[], more = {}) =>
  run(
    subgraph,
    as(contributor),
    `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
    {
      input: {
        mode: "INSERT",
        streams: [
          {
            streamId: stream.uuid,
            timestamps,
            values: timestamps.map((_, i) => (i * 7) % 11),
          },
        ],
        ...more,
      },
    },
  );

const change = (
  stream: Stream,
  retention: string | null,
  caller = contributor,
) =>
  run(
    subgraph,
    as(caller),
    `mutation ($id: ID!, $retention: Duration) { updateStream(input: { id: $id, retention: $retention }) { retention } }`,
    { id: stream.uuid, retention },
  );

/** Every ten minutes, from `from` minutes ago on. */
const times = (from: number) =>
  Array.from({ length: from / 10 }, (_, i) => ago(from - i * 10));

async function shared(events: readonly string[]): Promise<Stream> {
  const stream = await seed.stream(plant);
  await seed.share(stream, place.ownerMembership);
  if (events.length > 0)
    expect(outcome(await write(stream, events))).toBe("ok");
  return stream;
}

describe("events beyond a stream's retention are read by nobody, through no door:", () => {
  /** Everything that reads one stream. */
  const reads = `query ($id: ID!, $ids: [ID!]!, $pair: [ID!]!, $w: TimeWindow!, $old: DateTime!, $young: DateTime!, $times: [DateTime!]!) {
    stream(id: $id) {
      first { timestamp value } last { timestamp value }
      ${["EXACT", "EXACT_OR_NEXT", "NEXT", "EXACT_OR_PREVIOUS", "PREVIOUS"]
        .map(
          (mode) => `old${mode}: at(timestamp: $old, mode: ${mode}) { value }
                     young${mode}: at(timestamp: $young, mode: ${mode}) { value }`,
        )
        .join("\n")}
      ${["EXACT", "INSIDE", "OUTSIDE", "EXACT_OR_CALCULATED"]
        .map(
          (boundary) =>
            `${boundary}: events(window: $w, boundary: ${boundary}) { timestamps values }`,
        )
        .join("\n")}
      reversed: events(window: $w, reversed: true, first: 2) { timestamps values hasNextPage }
      filtered: events(window: $w, filter: "value > 3") { timestamps values }
      interpolated(timestamps: $times) { timestamps values }
      even: interpolated(window: $w, count: 9) { timestamps values }
      summaries(window: $w, count: 7, kinds: [COUNT, MINIMUM, MAXIMUM, MEAN, FIRST, LAST, TIME_WEIGHTED_MEAN, PERCENT_GOOD]) {
        columns { values } }
      plot(window: $w, width: 5) { timestamps values }
      lttb(window: $w, points: 5) { timestamps values }
    }
    streamEvents(ids: $ids, window: $w) { timestamps values }
    streamSummaries(ids: $ids, window: $w, count: 3) { columns { values } }
    ${["INNER", "OUTER", "OUTER_INTERPOLATED"]
      .map(
        (mode) =>
          `${mode}: streamJoin(ids: $pair, window: $w, mode: ${mode}) { timestamps columns { values } }`,
      )
      .join("\n")}
    _entities(representations: [{ __typename: "Stream", id: $id }]) { ... on Stream { last { value } } }
  }`;

  const read = (stream: Stream, beside: Stream, caller: Identity) =>
    run(subgraph, as(caller), reads, {
      id: stream.uuid,
      ids: [stream.uuid],
      pair: [beside.uuid, stream.uuid],
      w: { from: ago(600), to: ago(-10) },
      old: ago(200),
      young: ago(30),
      times: [ago(300), ago(200), ago(55), ago(15), ago(-5)],
    });

  const lasts = async (caller: Identity) => {
    const { data } = await run(
      subgraph,
      as(caller),
      `{ streams { nodes { id last { timestamp value } } } }`,
    );
    const { nodes } = data?.["streams"] as unknown as {
      nodes: { id: string; last: object | null }[];
    };
    return new Map(nodes.map(({ id, last }) => [id, last]));
  };

  test("all of them read as if the older ones had never been written", async () => {
    const beside = await shared(times(300));
    const old = await shared(times(300));
    await change(old, "PT1H5M");
    // The same values at the same times, and nothing before.
    const young = await shared([]);
    const kept = times(300)
      .map((timestamp, i) => ({ timestamp, value: (i * 7) % 11 }))
      .slice(-6);
    await run(
      subgraph,
      as(contributor),
      `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
      {
        input: {
          mode: "INSERT",
          streams: [
            {
              streamId: young.uuid,
              timestamps: kept.map(({ timestamp }) => timestamp),
              values: kept.map(({ value }) => value),
            },
          ],
        },
      },
    );
    for (const caller of [contributor, reader]) {
      const answer = await read(old, beside, caller);
      expect(answer.errors).toEqual([]);
      expect(answer.data).toEqual((await read(young, beside, caller)).data);
      const last = await lasts(caller);
      expect(last.get(old.uuid)).toEqual(last.get(young.uuid));
      expect(last.get(old.uuid)).not.toBeNull();
    }
  });

  test("a stream all of whose events are older has none", async () => {
    const [stream, empty, beside] = [
      await shared(times(300)),
      await shared([]),
      await shared(times(300)),
    ];
    await change(stream, "PT5M");
    for (const caller of [contributor, reader]) {
      expect((await read(stream, beside, caller)).data).toEqual(
        (await read(empty, beside, caller)).data,
      );
      expect((await lasts(caller)).get(stream.uuid)).toBeNull();
    }
  });
});

describe("a retention", () => {
  test("that reaches beyond all times keeps and takes every event", async () => {
    const stream = await shared([]);
    expect(outcome(await change(stream, "P1000YT8784000H"))).toBe("ok");
    const written = await run(
      subgraph,
      as(contributor),
      `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
      {
        input: {
          mode: "INSERT",
          streams: [
            {
              streamId: stream.uuid,
              timestamps: ["1970-01-01T00:00:00Z"],
              values: [7],
            },
          ],
        },
      },
    );
    expect(written.data).toEqual({ writeEvents: { eventCount: 1 } });
    const { data } = await run(
      subgraph,
      as(reader),
      `query ($id: ID!) { stream(id: $id) { first { value } last { value } } }`,
      { id: stream.uuid },
    );
    expect(data).toEqual({
      stream: { first: { value: 7 }, last: { value: 7 } },
    });
  });

  test("is given with a stream or later, shown to its tenant alone, and cleared by null", async () => {
    const stream = await shared([]);
    const answer = await attempt(database, () => change(stream, "P24M"));
    expect(answer.data).toEqual({ updateStream: { retention: "P2Y" } });
    const shown = await run(
      subgraph,
      as(reader),
      `query ($id: ID!) { stream(id: $id) { retention } }`,
      { id: stream.uuid },
    );
    expect(shown.data).toEqual({ stream: { retention: null } });
    expect((await change(stream, null)).data).toEqual({
      updateStream: { retention: null },
    });
    const entries = await database
      .owner("ledger.entries")
      .where({ subject_id: stream.uuid })
      .orderBy("id");
    expect(entries).toMatchObject([
      { before: { retention: null }, after: { retention: "P24M" } },
      { before: { retention: "P2Y" }, after: { retention: null } },
    ]);
    const ids = await database
      .owner("stream.streams as s")
      .join("stream.namespaces as n", "n.id", "s.namespace_id")
      .join("stream.stream_types as y", "y.id", "s.type_id")
      .where({ "s.id": stream.id })
      .first<object>({ namespaceId: "n.uuid", typeId: "y.uuid" });
    const created = await run(
      subgraph,
      as(contributor),
      `mutation ($input: CreateStreamInput!) { createStream(input: $input) { retention } }`,
      { input: { ...ids, externalId: "with retention", retention: "P90D" } },
    );
    expect(created.data).toEqual({ createStream: { retention: "P90D" } });
  });

  test.each(["", "P", "PT0S", "-P1D", "a year", "P2000Y"])(
    "is refused where it is no length of time: %p",
    async (retention) => {
      const stream = await shared([]);
      const answer = await attempt(database, () => change(stream, retention));
      expect(answer.errors).toMatchObject([
        { extensions: { code: "BAD_USER_INPUT", at: "input.retention" } },
      ]);
    },
  );

  test("is changed by who may delete events, for it ends them", async () => {
    const stream = await seed.stream(plant, {
      access: [{ rights: 3, role: "CONTRIBUTOR" }],
    });
    const refused = await attempt(database, () => change(stream, "P1D"));
    expect(outcome(refused)).toBe("FORBIDDEN");
    const renamed = await run(
      subgraph,
      as(contributor),
      `mutation ($id: ID!) { updateStream(input: { id: $id, name: "Renamed" }) { name } }`,
      { id: stream.uuid },
    );
    expect(outcome(renamed)).toBe("ok");
  });

  const errorOf = ({ errors }: Answer) => errors[0]?.extensions;

  test.each(["INSERT", "UPSERT", "REPLACE", "PATCH"])(
    "refuses to %s an older event, by its place",
    async (mode) => {
      const stream = await shared([ago(20), ago(10)]);
      await change(stream, "PT1H");
      const answer = await attempt(database, () =>
        write(stream, [ago(-1), ago(70)], { mode }),
      );
      expect(errorOf(answer)).toMatchObject({
        code: "CONFLICT",
        at: "input.streams.0.timestamps.1",
      });
    },
  );

  test("leaves nothing older to remove", async () => {
    const stream = await shared([ago(90), ago(70), ago(20), ago(10)]);
    await change(stream, "PT1H");
    const remove = (removal: object) =>
      run(
        subgraph,
        as(contributor),
        `mutation ($input: RemoveEventsInput!) { removeEvents(input: $input) { eventCount } }`,
        { input: { streams: [{ streamId: stream.uuid, ...removal }] } },
      );
    const missing = await attempt(database, () =>
      remove({ timestamps: [ago(10), ago(70)] }),
    );
    expect(errorOf(missing)).toMatchObject({
      code: "CONFLICT",
      at: "input.streams.0.timestamps.1",
    });
    const removed = await remove({ window: { from: ago(900), to: ago(15) } });
    expect(removed.data).toEqual({ removeEvents: { eventCount: 1 } });
  });
});

describe("what is beyond retention is removed", () => {
  const db = () => database.as("stream");
  const forever = new AbortController().signal;

  const timesOf = async (stream: Stream) => {
    const { rows } = await database.owner.raw<{ rows: { ts: string }[] }>(
      "select ts from stream.events where stream_id = ? order by ts",
      [stream.id],
    );
    return rows.map(({ ts }) => new Date(ts).toISOString());
  };
  const latestOf = (stream: Stream) =>
    database
      .owner("stream.latest")
      .where({ stream_id: stream.id })
      .first<{ first_ts: string; ts: string } | undefined>("first_ts", "ts");

  test("bit by bit, with what is known of where events begin, by several processes at once", async () => {
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => shared(times(300))),
    );
    const [some, none, all, forEver] = streams as [
      Stream,
      Stream,
      Stream,
      Stream,
    ];
    await change(some, "PT1H5M");
    await change(none, "PT10H");
    await change(all, "PT5M");
    await Promise.all([
      removeExpired(db(), forever),
      removeExpired(db(), forever),
    ]);
    await removeExpired(db(), forever);
    expect(await timesOf(some)).toEqual(times(300).slice(-6));
    expect(new Date((await latestOf(some))?.first_ts ?? "").toISOString()).toBe(
      ago(60),
    );
    expect(await timesOf(none)).toEqual(times(300));
    expect(await timesOf(all)).toEqual([]);
    expect(await latestOf(all)).toBeUndefined();
    expect(await timesOf(forEver)).toEqual(times(300));
    expect(await removeExpired(db(), forever)).toBe(0);
  });

  test("but not while somebody writes to the stream, who is not waited for", async () => {
    const stream = await shared(times(300));
    await change(stream, "PT1H5M");
    const writer = await db().transaction();
    await writer.raw(
      "select from stream.latest where stream_id = ? for update",
      [stream.id],
    );
    expect(await removeExpired(db(), forever)).toBe(0);
    await writer.rollback();
    expect(await removeExpired(db(), forever)).toBe(1);
  });

  test("by months, which are dropped as soon as no stream keeps any of their events", async () => {
    const day = (daysAgo: number) => ago(daysAgo * 24 * 60);
    const [kept, gone, deleted] = [
      await shared([day(200), day(1)]),
      await shared([day(200), day(400), day(1)]),
      await shared([day(400)]),
    ];
    const month = async (at: string) => {
      const { rows } = await database.owner.raw<{
        rows: { name: string | null }[];
      }>(
        "select to_regclass('stream.events_' || to_char(?::timestamptz, 'YYYY_MM'))::text as name",
        [at],
      );
      return rows[0]?.name ?? null;
    };
    expect(await dropPartitions(db(), forever)).toBe(0);
    await change(gone, "P100D");
    expect(await dropPartitions(db(), forever)).toBe(0);
    await database.owner("stream.streams").where({ id: deleted.id }).delete();
    expect(await dropPartitions(db(), forever)).toBe(1);
    expect(await month(day(400))).toBeNull();
    expect(await month(day(200))).not.toBeNull();
    expect(await timesOf(kept)).toEqual([day(200), day(1)]);
    expect(await timesOf(gone)).toEqual([day(200), day(1)]);
    expect(await timesOf(deleted)).toEqual([]);
    // A month that can be written to is there again, and is not dropped for being empty.
    expect(await ensurePartitions(db())).toBe(1);
    expect(await dropPartitions(db(), forever)).toBe(0);
    await change(kept, "P100D");
    await removeExpired(db(), forever);
    expect(await timesOf(gone)).toEqual([day(1)]);
  });

  test("but no month to which somebody writes, who is not held up for long", async () => {
    const time = ago(500 * 24 * 60);
    const [gone, kept] = [await shared([time]), await shared([])];
    await change(gone, "P100D");
    const writer = await db().transaction();
    await writer.raw(
      "insert into stream.events (tenant_id, stream_id, ts, value) values (?, ?, ?, 1)",
      [plant.id, kept.id, time],
    );
    const dropping = dropPartitions(db(), forever);
    await untilWaiting(database.owner);
    expect(await timesOf(gone)).toHaveLength(1);
    await writer.commit();
    expect(await dropping).toBe(0);
    expect(await timesOf(kept)).toHaveLength(1);
  });
});
