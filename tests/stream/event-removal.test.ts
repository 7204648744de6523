import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import { Seed, type Identity, type Row, type Stream } from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let seed: Seed;
let tenant: Row;
let contributor: Identity;
let writer: Viewer;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  tenant = await seed.tenant();
  contributor = await seed.client(tenant, ["CONTRIBUTOR"]);
  writer = as(contributor);
});
afterAll(() => database.drop());

const change =
  (mutation: "writeEvents" | "removeEvents", type: string) =>
  (input: object, viewer = writer): Promise<Answer> =>
    run(
      streamSubgraph(database),
      viewer,
      `mutation ($input: ${type}!) { done: ${mutation}(input: $input) { eventCount streamCount } }`,
      { input },
    );
const write = change("writeEvents", "WriteEventsInput");
const remove = change("removeEvents", "RemoveEventsInput");

const done = (eventCount: number, streamCount: number) => ({
  data: { done: { eventCount, streamCount } },
  errors: [],
});

const minute = (n: number) =>
  `2026-01-01T00:${String(n).padStart(2, "0")}:00+00:00`;
const at = ({ uuid }: Stream, ...minutes: number[]) => ({
  streamId: uuid,
  timestamps: minutes.map(minute),
});
const within = ({ uuid }: Stream, from: number, to: number) => ({
  streamId: uuid,
  window: { from: minute(from), to: minute(to) },
});
const events = (stream: Stream, ...minutes: number[]) => ({
  ...at(stream, ...minutes),
  values: minutes,
});

/** A stream with an event of its number in each of these minutes. */
async function streamWith(...minutes: number[]): Promise<Stream> {
  const stream = await seed.stream(tenant);
  if (minutes.length > 0)
    await write({ mode: "INSERT", streams: [events(stream, ...minutes)] });
  return stream;
}

/** Of a stream, as it is read: its first, its last, and all of its values. */
async function valuesOf({ uuid }: Stream) {
  const { data } = await run(
    streamSubgraph(database),
    writer,
    `query ($id: ID!) {
      stream(id: $id) {
        first { value } last { value }
        events(window: { from: "1970-01-01T00:00:00Z", to: "2200-01-01T00:00:00Z" }) { values }
      }
    }`,
    { id: uuid },
  );
  const { first, last, events } = data?.["stream"] as unknown as {
    first: { value: number } | null;
    last: { value: number } | null;
    events: { values: number[] };
  };
  expect(first?.value).toEqual(events.values[0]);
  expect(last?.value).toEqual(events.values.at(-1));
  return events.values;
}

describe("events are removed", () => {
  test.each<[string, number[], number[]]>([
    ["the first", [1], [2, 3, 4]],
    ["the last", [4], [1, 2, 3]],
    ["some in between", [3, 2], [1, 4]],
    ["both ends", [4, 1], [2, 3]],
    ["all", [1, 2, 3, 4], []],
  ])("by timestamps: %s", async (_, gone, left) => {
    const stream = await streamWith(1, 2, 3, 4);
    const answer = await attempt(database, () =>
      remove({ streams: [at(stream, ...gone)] }),
    );
    expect(answer).toEqual(done(gone.length, 1));
    expect(await valuesOf(stream)).toEqual(left);
  });

  test.each<[string, [number, number], number[]]>([
    ["with both of its ends", [2, 3], [1, 4]],
    ["of a moment", [2, 2], [1, 3, 4]],
    ["beyond both ends of the stream", [0, 9], []],
    ["beyond the last", [3, 9], [1, 2]],
  ])("by a window %s", async (_, [from, to], left) => {
    const stream = await streamWith(1, 2, 3, 4);
    const answer = await attempt(database, () =>
      remove({ streams: [within(stream, from, to)] }),
    );
    expect(answer).toEqual(done(4 - left.length, 1));
    expect(await valuesOf(stream)).toEqual(left);
  });

  test("of several streams at once, and a window may be empty", async () => {
    const [some, all, none] = await Promise.all([
      streamWith(1, 2, 3),
      streamWith(1, 2),
      streamWith(),
    ]);
    const streams = [at(some, 2), within(all, 0, 9), within(none, 0, 9)];
    expect(await remove({ streams })).toEqual(done(3, 2));
    expect(await valuesOf(some)).toEqual([1, 3]);
    expect(await valuesOf(all)).toEqual([]);
    expect(await valuesOf(none)).toEqual([]);
    expect(await remove({ streams: streams.slice(1) })).toEqual(done(0, 0));
  });

  test("and can be written anew", async () => {
    const stream = await streamWith(1, 2);
    await remove({ streams: [within(stream, 0, 9)] });
    const again = { mode: "INSERT", streams: [events(stream, 2, 5)] };
    expect(await write(again)).toEqual(done(2, 1));
    expect(await valuesOf(stream)).toEqual([2, 5]);
  });

  test("and the ledger says of which streams, within which time and how many", async () => {
    const stream = await streamWith(1, 2, 3);
    await remove({ streams: [within(stream, 2, 9)] });
    const [entry] = (await database
      .owner("ledger.entries")
      .orderBy("id", "desc")
      .limit(1)) as object[];
    expect(entry).toMatchObject({
      ...{ kind: "EVENTS", action: "removeEvents" },
      ...{ subject_id: tenant.uuid, actor_identity: contributor.uuid },
      after: {
        streams: [
          {
            id: stream.uuid,
            window: { from: minute(2), to: minute(3) },
            count: 2,
          },
        ],
      },
    });
  });
});

describe("a removal is refused, and nothing of the call is removed:", () => {
  let sound: Stream;
  let stream: Stream;
  beforeAll(async () => {
    sound = await streamWith(1, 2, 3);
    stream = await streamWith(1, 2, 3);
  });

  test.each<[string, () => object[], string, string, RegExp]>([
    [
      "a timestamp without an event, the first in the order of the call",
      () => [at(sound, 1), at(stream, 3, 9, 0)],
      "CONFLICT",
      "input.streams.1.timestamps.1",
      /event 1 \(2026-01-01T00:09:00\+00:00\): there is no event/,
    ],
    [
      "both timestamps and a window",
      () => [at(sound, 1), { ...at(stream, 1), ...within(stream, 1, 2) }],
      "BAD_USER_INPUT",
      "input.streams.1",
      /exactly one of timestamps and window/,
    ],
    [
      "neither",
      () => [at(sound, 1), { streamId: stream.uuid }],
      "BAD_USER_INPUT",
      "input.streams.1",
      /exactly one/,
    ],
    [
      "a window that ends before it begins",
      () => [at(sound, 1), within(stream, 2, 1)],
      "BAD_USER_INPUT",
      "input.streams.1.window",
      /Exchange/,
    ],
    [
      "no timestamps",
      () => [at(sound, 1), at(stream)],
      "BAD_USER_INPUT",
      "input.streams.1.timestamps",
      /Leave it out/,
    ],
    [
      "a timestamp twice",
      () => [at(sound, 1), at(stream, 1, 2, 1)],
      "BAD_USER_INPUT",
      "input.streams.1.timestamps.2",
      /twice/,
    ],
    [
      "what is no timestamp",
      () => [at(sound, 1), { ...at(stream), timestamps: ["noon"] }],
      "BAD_USER_INPUT",
      "input.streams.1.timestamps.0",
      /no timestamp/,
    ],
    [
      "a stream twice",
      () => [at(stream, 1), within(stream, 2, 3)],
      "BAD_USER_INPUT",
      "input.streams.1.streamId",
      /twice/,
    ],
    [
      "100,001 timestamps",
      () => [{ ...at(stream), timestamps: Array<string>(100_001).fill("") }],
      "LIMIT_EXCEEDED",
      "input.streams",
      /Split the call, or name a window/,
    ],
  ])("%s", async (_, streams, code, place, message) => {
    const answer = await attempt(database, () =>
      remove({ streams: streams() }),
    );
    expect(outcome(answer)).toBe(code);
    expect(answer.errors[0]?.extensions.at).toBe(place);
    expect(answer.errors[0]?.message).toMatch(message);
  });

  test("more than 100,000 events by windows, which are removed in two calls", async () => {
    await database.owner.raw(
      `insert into stream.events (tenant_id, stream_id, ts, value)
       select tenant_id, id, ?::timestamptz + g * interval '1 millisecond', g
       from stream.streams, generate_series(1, 99998) g where id = ?`,
      [minute(9), stream.id],
    );
    await database.owner.raw(
      `update stream.latest set ts = ?::timestamptz + 99998 * interval '1 millisecond' where stream_id = ?`,
      [minute(9), stream.id],
    );
    const answer = await attempt(database, () =>
      remove({ streams: [within(sound, 0, 9), within(stream, 0, 20)] }),
    );
    expect(answer.errors).toMatchObject([
      {
        message: expect.stringMatching(/Split the window, or the call/),
        extensions: {
          ...{ code: "LIMIT_EXCEEDED", limit: 100_000, value: 100_001 },
          at: "input.streams",
        },
      },
    ]);
    for (const [from, to] of [
      [0, 9],
      [9, 20],
    ] as const)
      expect(
        outcome(await remove({ streams: [within(stream, from, to)] })),
      ).toBe("ok");
    expect(await valuesOf(stream)).toEqual([]);
  });

  test("without DELETE on the stream", async () => {
    const { access_list_id } = (await database
      .owner("stream.streams")
      .where({ id: stream.id })
      .first()) as { access_list_id: number };
    const list = await seed.accessList(tenant, [
      { rights: 1 + 2, role: "CONTRIBUTOR" },
    ]);
    const give = (access_list_id: number) =>
      database
        .owner("stream.streams")
        .where({ id: stream.id })
        .update({ access_list_id });
    await give(list);
    const answer = await attempt(database, () =>
      remove({ streams: [at(sound, 1), at(stream, 1)] }),
    );
    expect(outcome(answer)).toBe("FORBIDDEN");
    await give(access_list_id);
  });
});

describe("a call with an idempotency key", () => {
  const countOf = async (stream: Stream) =>
    Number(
      (
        await database
          .owner("stream.events")
          .where({ tenant_id: stream.tenantId, stream_id: stream.id })
          .count()
      )[0]?.["count"],
    );
  const entries = () => database.owner("ledger.entries").select("id");

  test("is done once, and answered again as it was", async () => {
    const stream = await streamWith();
    const call = {
      ...{ mode: "INSERT", idempotencyKey: "batch 1" },
      streams: [events(stream, 1, 2)],
    };
    expect(await write(call)).toEqual(done(2, 1));
    const removal = { idempotencyKey: "removal 1", streams: [at(stream, 2)] };
    expect(await remove(removal)).toEqual(done(1, 1));
    const before = await entries();
    expect(await write(call)).toEqual(done(2, 1));
    expect(await remove(removal)).toEqual(done(1, 1));
    expect(await entries()).toEqual(before);
    expect(await valuesOf(stream)).toEqual([1]);
  });

  test("is done once though it is sent many times at once", async () => {
    const stream = await streamWith();
    const call = {
      ...{ mode: "INSERT", idempotencyKey: "at once" },
      streams: [events(stream, 1, 2, 3)],
    };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => write(call)),
    );
    for (const answer of answers) expect(answer).toEqual(done(3, 1));
    expect(await countOf(stream)).toBe(3);
  });

  test("is a conflict if another call has the key", async () => {
    const stream = await streamWith();
    const call = {
      ...{ mode: "UPSERT", idempotencyKey: "taken" },
      streams: [events(stream, 1)],
    };
    await write(call);
    for (const other of [
      () => write({ ...call, streams: [events(stream, 2)] }),
      () => write({ ...call, mode: "REPLACE" }),
      () => remove({ idempotencyKey: "taken", streams: [at(stream, 1)] }),
    ]) {
      const answer = await attempt(database, other);
      expect(answer.errors[0]?.extensions).toEqual({
        ...{ code: "CONFLICT", at: "input.idempotencyKey" },
      });
    }
  });

  test("that was refused leaves the key free", async () => {
    const stream = await streamWith(1);
    const call = {
      ...{ mode: "INSERT", idempotencyKey: "refused" },
      streams: [events(stream, 1)],
    };
    const answer = await attempt(database, () => write(call));
    expect(outcome(answer)).toBe("CONFLICT");
    await remove({ streams: [at(stream, 1)] });
    expect(await write(call)).toEqual(done(1, 1));
  });

  test("has a key of its tenant's own, for 24 hours", async () => {
    const stream = await streamWith();
    const call = {
      ...{ mode: "INSERT", idempotencyKey: "daily" },
      streams: [events(stream, 1)],
    };
    await write(call);
    const company = await seed.tenant();
    const other = as(await seed.client(company, ["CONTRIBUTOR"]));
    const theirs = await seed.stream(company);
    const same = { ...call, streams: [events(theirs, 1)] };
    expect(await write(same, other)).toEqual(done(1, 1));
    await database
      .owner("stream.calls")
      .where({ key: "daily" })
      .update({ called_at: database.owner.raw("now() - interval '25 hours'") });
    expect(outcome(await write(call))).toBe("CONFLICT");
    expect(await write({ ...call, streams: [events(stream, 2)] })).toEqual(
      done(1, 1),
    );
    expect(
      await database
        .owner("stream.calls")
        .where({ tenant_id: tenant.id, key: "daily" }),
    ).toHaveLength(1);
  });

  test("is answered to nobody who may not do it", async () => {
    const stream = await streamWith();
    const call = {
      ...{ mode: "UPSERT", idempotencyKey: "secret" },
      streams: [events(stream, 1)],
    };
    await write(call);
    const viewer = as(await seed.user(tenant, ["VIEWER"]));
    const answer = await attempt(database, () => write(call, viewer));
    expect(outcome(answer)).toBe("FORBIDDEN");
  });
});

test("of many writers and removers at once none waits in a circle, and first and last stay true", async () => {
  const streams = await Promise.all(
    Array.from({ length: 5 }, (_, i) => streamWith(...(i % 2 ? [30, 31] : []))),
  );
  let state = 7;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const chosen = () => {
    const some = streams.filter(() => random(2) === 0);
    const named = some.length > 0 ? some : streams.slice(0, 1);
    return random(2) === 0 ? named : named.toReversed();
  };
  const calls = Array.from({ length: 120 }, () => {
    const from = random(30);
    switch (random(5)) {
      case 0:
        return () =>
          remove({
            streams: chosen().map((one) =>
              within(one, from, from + random(30)),
            ),
          });
      case 1:
        return () => remove({ streams: chosen().map((one) => at(one, from)) });
      case 2:
        return () =>
          write({
            mode: "INSERT",
            streams: chosen().map((one) => events(one, from)),
          });
      case 3:
        return () =>
          write({
            mode: "REPLACE",
            streams: chosen().map((one) => events(one, from)),
          });
      default:
        return () =>
          write({
            mode: "UPSERT",
            streams: chosen().map((one) =>
              events(one, from, from + 1, from + 3),
            ),
          });
    }
  });
  const answers: Answer[] = [];
  // So many as the pool has connections for without long waiting.
  for (let i = 0; i < calls.length; i += 20)
    answers.push(
      ...(await Promise.all(calls.slice(i, i + 20).map((call) => call()))),
    );
  const outcomes = new Set(answers.map(outcome));
  expect([...outcomes].sort()).toEqual(["CONFLICT", "ok"]);
  const { rows } = await database.owner.raw<{ rows: object[] }>(
    `with ends as (
       select distinct on (stream_id) stream_id, min(ts) over (partition by stream_id) as first_ts, ts, value, numbers, texts
       from stream.events where tenant_id = :tenant order by stream_id, ts desc
     ), kept as (
       select stream_id, first_ts, ts, value, numbers, texts from stream.latest where tenant_id = :tenant
     )
     (table ends except table kept) union all (table kept except table ends)`,
    { tenant: tenant.id },
  );
  expect(rows).toEqual([]);
  for (const stream of streams) await valuesOf(stream);
}, 60_000);
