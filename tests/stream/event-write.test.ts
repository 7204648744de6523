import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { storeEvents } from "../../subgraphs/stream/event/actions.ts";
import { columnsFrom } from "../../subgraphs/stream/event/columns.ts";
import type { WriteMode } from "../../subgraphs/stream/generated.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Property,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { attempt, everythingWritten } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

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

interface StreamEvents {
  readonly streamId: string;
  readonly timestamps: readonly unknown[];
  readonly values?: readonly unknown[];
  readonly columns?: readonly {
    property: string;
    values: readonly unknown[];
  }[];
}

const write = (
  mode: WriteMode,
  streams: readonly StreamEvents[],
  viewer = writer,
): Promise<Answer> =>
  run(
    streamSubgraph(database),
    viewer,
    `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount streamCount } }`,
    { input: { mode, streams } },
  );

const second = (n: number) =>
  new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
const seconds = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => second(from + i));

async function eventsOf(stream: Stream) {
  const { rows } = await database.owner.raw<{
    rows: { at: number; value: number | null }[];
  }>(
    `select extract(epoch from ts - '2026-01-01T00:00:00Z')::int as at, value from stream.events
     where tenant_id = ? and stream_id = ? order by ts`,
    [stream.tenantId, stream.id],
  );
  return rows.map(({ at, value }) => [at, value]);
}

const properties: readonly Property[] = [
  { name: "flow", kind: "FLOAT" },
  { name: "count", kind: "INTEGER" },
  { name: "isOpen", kind: "BOOLEAN" },
  { name: "note", kind: "TEXT" },
];

describe("a faulty event is named, and nothing of the call is written", () => {
  let sound: Stream;
  let faulty: Stream;
  let text: Stream;
  beforeAll(async () => {
    sound = await seed.stream(tenant);
    faulty = await seed.stream(tenant, { properties });
    text = await seed.stream(tenant, {
      properties: [{ name: "text", kind: "TEXT" }],
    });
  });

  const two = seconds(0, 2);
  const column = (property: string, ...values: unknown[]) => ({
    timestamps: two,
    columns: [{ property, values }],
  });

  test.each<[string, Omit<StreamEvents, "streamId">, string, RegExp]>([
    ["NaN", { timestamps: two, values: [1, NaN] }, "values.1", /NaN/],
    [
      "infinity",
      { timestamps: two, values: [1, -Infinity] },
      "values.1",
      /-Infinity/,
    ],
    [
      "a number as text",
      { timestamps: two, values: [1, "2"] },
      "values.1",
      /"2"/,
    ],
    [
      "a list in place of a number",
      { timestamps: two, values: [[1], 2] },
      "values.0",
      /not a list/,
    ],
    ["a broken INTEGER", column("count", 1, 1.5), "columns.0.values.1", /1\.5/],
    [
      "an INTEGER of 2^53",
      column("count", 1, 2 ** 53),
      "columns.0.values.1",
      /2\^53/,
    ],
    [
      "an INTEGER of -2^53",
      column("count", -(2 ** 53), 1),
      "columns.0.values.0",
      /2\^53/,
    ],
    [
      "a BOOLEAN of 1",
      column("isOpen", true, 1),
      "columns.0.values.1",
      /true or false/,
    ],
    [
      "a TEXT of true",
      column("note", "", true),
      "columns.0.values.1",
      /not true/,
    ],
    [
      "a TEXT above 8 KiB",
      column("note", "ü".repeat(4097), ""),
      "columns.0.values.0",
      /8 KiB/,
    ],
    [
      "a TEXT with a NUL",
      column("note", "", "a\0"),
      "columns.0.values.1",
      /NUL/,
    ],
    [
      "a TEXT with half a character",
      column("note", "", "\ud800"),
      "columns.0.values.1",
      /UTF-8/,
    ],
    [
      "no timestamp",
      { timestamps: [second(0), null], values: [1, 2] },
      "timestamps.1",
      /null/,
    ],
    [
      "a timestamp as a number",
      { timestamps: [0, second(1)], values: [1, 2] },
      "timestamps.0",
      /RFC 3339/,
    ],
    [
      "a timestamp without an offset",
      { timestamps: ["2026-01-01T00:00:00"], values: [1] },
      "timestamps.0",
      /RFC 3339/,
    ],
    [
      "a timestamp in 1969",
      { timestamps: ["1969-12-31T23:59:59Z"], values: [1] },
      "timestamps.0",
      /1970 to 2200/,
    ],
    [
      "a timestamp that is given twice, in two zones",
      {
        timestamps: [second(1), second(0), "2026-01-01T01:00:01+01:00"],
        values: [1, 2, 3],
      },
      "timestamps.2",
      /event 2 .*twice/,
    ],
    [
      "too few values",
      { timestamps: two, values: [1] },
      "values",
      /1 values for 2/,
    ],
    [
      "too many values",
      column("flow", 1, 2, 3),
      "columns.0.values",
      /3 values for 2/,
    ],
    ["no events", { timestamps: [], values: [] }, "timestamps", /Leave it out/],
    ["neither values nor columns", { timestamps: two }, "", /exactly one/],
    [
      "both values and columns",
      { ...column("flow", 1, 2), values: [1, 2] },
      "",
      /exactly one/,
    ],
    ["no columns", { timestamps: two, columns: [] }, "", /exactly one/],
    [
      "an unknown property",
      column("pressure", 1, 2),
      "columns.0.property",
      /"flow", "count", "isOpen", "note"/,
    ],
    [
      "a property that is given twice",
      {
        timestamps: two,
        columns: [
          { property: "flow", values: [1, 2] },
          { property: "flow", values: [1, 2] },
        ],
      },
      "columns.1.property",
      /twice/,
    ],
  ])("%s", async (_, events, place, message) => {
    const answer = await attempt(database, () =>
      write("UPSERT", [
        { streamId: sound.uuid, timestamps: two, values: [1, 2] },
        { streamId: faulty.uuid, ...events },
      ]),
    );
    expect(answer.data).toEqual({ writeEvents: null });
    expect(answer.errors).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(message),
        extensions: {
          code: "BAD_USER_INPUT",
          at: ["input.streams.1", place].filter(Boolean).join("."),
        },
      }),
    ]);
    expect(answer.errors[0]?.message).toContain(faulty.uuid);
  });

  test("a value or timestamp that is nested without end", async () => {
    const nested = JSON.parse(
      "[".repeat(100_000) + "]".repeat(100_000),
    ) as unknown;
    const column = { property: "value", values: [1, nested] };
    for (const [place, events] of [
      ["values.1", { timestamps: two, values: [1, nested] }],
      ["columns.0.values.1", { timestamps: two, columns: [column] }],
      ["timestamps.0", { timestamps: [nested, two[1]], values: [1, 2] }],
    ] as const) {
      const answer = await attempt(database, () =>
        write("UPSERT", [{ streamId: sound.uuid, ...events }]),
      );
      expect(answer.errors[0]?.extensions).toEqual({
        code: "BAD_USER_INPUT",
        at: `input.streams.0.${place}`,
      });
    }
  });

  test("one stream twice", async () => {
    const events = { streamId: sound.uuid, timestamps: two, values: [1, 2] };
    const answer = await attempt(database, () =>
      write("UPSERT", [events, events]),
    );
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: "input.streams.1.streamId",
    });
  });

  test("no stream", async () => {
    const answer = await attempt(database, () => write("UPSERT", []));
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: "input.streams",
    });
  });

  const many = Array.from({ length: 1001 }, (_, i) => ({
    streamId: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
    timestamps: [second(0)],
    values: [1],
  }));
  test.each<[string, () => StreamEvents[], number, number]>([
    ["1,001 streams", () => many, 1_000, 1_001],
    [
      "100,001 events",
      () => [
        {
          streamId: sound.uuid,
          timestamps: seconds(0, 50_000),
          values: Array<number>(50_000).fill(1),
        },
        {
          streamId: faulty.uuid,
          timestamps: seconds(0, 50_001),
          values: Array<number>(50_001).fill(1),
        },
      ],
      100_000,
      100_001,
    ],
    [
      "more than 16 MiB",
      () => [
        {
          streamId: text.uuid,
          timestamps: seconds(0, 2_100),
          values: Array<string>(2_100).fill("x".repeat(8_192)),
        },
      ],
      16 * 1024 * 1024,
      expect.any(Number) as unknown as number,
    ],
  ])("%s are beyond a limit", async (_, streams, limit, value) => {
    const answer = await attempt(database, () => write("UPSERT", streams()));
    expect(answer.errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining("Split the call."),
        extensions: {
          code: "LIMIT_EXCEEDED",
          at: "input.streams",
          limit,
          value,
        },
      }),
    ]);
  });
});

test("the largest values come back as they were given", async () => {
  const stream = await seed.stream(tenant, { properties });
  const max = Number.MAX_SAFE_INTEGER;
  const columns = {
    flow: [Number.MAX_VALUE, Number.MIN_VALUE, 0.1 + 0.2, null],
    count: [max, -max, 0, null],
    isOpen: [true, false, null, true],
    note: ["ü".repeat(4_096), '"\\\n\u2028', "", null],
  };
  const answer = await write("INSERT", [
    {
      streamId: stream.uuid,
      timestamps: seconds(0, 4),
      columns: Object.entries(columns).map(([property, values]) => ({
        property,
        values,
      })),
    },
  ]);
  expect(outcome(answer)).toBe("ok");
  const { data } = await run(
    streamSubgraph(database),
    writer,
    `query ($id: ID!) {
      stream(id: $id) {
        events(window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }) { columns { name values } }
      }
    }`,
    { id: stream.uuid },
  );
  expect(data).toEqual({
    stream: {
      events: {
        columns: Object.entries(columns).map(([name, values]) => ({
          name,
          values,
        })),
      },
    },
  });
});

test("a column that is left out is null, and UPSERT replaces the whole event", async () => {
  const stream = await seed.stream(tenant, { properties });
  const { uuid: streamId } = stream;
  const timestamps = seconds(0, 1);
  const column = (property: string, value: unknown) => ({
    property,
    values: [value],
  });
  await write("INSERT", [
    {
      streamId,
      timestamps,
      columns: [column("note", "opened"), column("flow", 1)],
    },
  ]);
  await write("UPSERT", [
    { streamId, timestamps, columns: [column("count", 7)] },
  ]);
  const { data } = await run(
    streamSubgraph(database),
    writer,
    `query ($id: ID!) { stream(id: $id) { first { values } last { value values } } }`,
    { id: streamId },
  );
  const values = { flow: null, count: 7, isOpen: null, note: null };
  expect(data).toEqual({
    stream: { first: { values }, last: { value: null, values } },
  });
});

test("INSERT names the first event that is there already, in the order of the call", async () => {
  const [before, after] = [
    await seed.stream(tenant),
    await seed.stream(tenant),
  ];
  await write("INSERT", [
    {
      streamId: after.uuid,
      timestamps: seconds(0, 10),
      values: Array(10).fill(1),
    },
  ]);
  const answer = await attempt(database, () =>
    write("INSERT", [
      { streamId: before.uuid, timestamps: seconds(0, 2), values: [1, 2] },
      {
        streamId: after.uuid,
        timestamps: [second(20), second(4.5), second(7), second(3)],
        values: [1, 2, 3, 4],
      },
    ]),
  );
  expect(answer.errors).toEqual([
    expect.objectContaining({
      message: expect.stringMatching(
        new RegExp(
          `Stream ${after.uuid}, event 2 .2026-01-01T00:00:07\\+00:00.: .*already.*UPSERT`,
        ),
      ),
      extensions: { code: "CONFLICT", at: "input.streams.1.timestamps.2" },
    }),
  ]);
  const between = await write("INSERT", [
    { streamId: after.uuid, timestamps: [second(4.5)], values: [2] },
  ]);
  expect(between.data).toEqual({
    writeEvents: { eventCount: 1, streamCount: 1 },
  });
});

test.each<WriteMode>(["REPLACE", "PATCH"])(
  "%s names the first event that is missing, in the order of the call, and writes nothing",
  async (mode) => {
    const [there, partly] = [
      await seed.stream(tenant),
      await seed.stream(tenant),
    ];
    const events = ({ uuid }: Stream, ...at: number[]) => ({
      streamId: uuid,
      timestamps: at.map(second),
      values: at,
    });
    await write("INSERT", [events(there, 1, 2, 3), events(partly, 1, 3, 5)]);
    for (const [missing, ...at] of [
      [1, 3, 2, 4], // among those that are there
      [0, 6, 1], // after all of them
      [2, 1, 3, 0.5], // before all of them
    ]) {
      const answer = await attempt(database, () =>
        write(mode, [events(there, 3, 1), events(partly, ...at)]),
      );
      expect(answer.errors).toEqual([
        expect.objectContaining({
          message: expect.stringContaining(
            `Stream ${partly.uuid}, event ${missing} (`,
          ),
          extensions: {
            code: "CONFLICT",
            at: `input.streams.1.timestamps.${missing}`,
          },
        }),
      ]);
    }
    const none = await seed.stream(tenant);
    const empty = await attempt(database, () => write(mode, [events(none, 0)]));
    expect(outcome(empty)).toBe("CONFLICT");
  },
);

test("REPLACE writes the whole event, PATCH the given properties alone, and the last event with them", async () => {
  const stream = await seed.stream(tenant, { properties });
  const change = (mode: WriteMode, columns: Record<string, unknown>) =>
    write(mode, [
      {
        streamId: stream.uuid,
        timestamps: seconds(0, 1),
        columns: Object.entries(columns).map(([property, value]) => ({
          property,
          values: [value],
        })),
      },
    ]);
  const last = async () => {
    const { data } = await run(
      streamSubgraph(database),
      writer,
      `query ($id: ID!) { stream(id: $id) { first { values } last { values } } }`,
      { id: stream.uuid },
    );
    const { first, last } = data?.["stream"] as unknown as {
      first: { values: object };
      last: { values: object };
    };
    expect(first).toEqual(last);
    return last.values;
  };
  await change("INSERT", { flow: 1, count: 2, isOpen: true, note: "new" });
  await change("PATCH", { isOpen: false, note: null });
  expect(await last()).toEqual({
    flow: 1,
    count: 2,
    isOpen: false,
    note: null,
  });
  await change("PATCH", { count: 3 });
  expect(await last()).toEqual({
    flow: 1,
    count: 3,
    isOpen: false,
    note: null,
  });
  await change("REPLACE", { note: "again" });
  expect(await last()).toEqual({
    ...{ flow: null, count: null, isOpen: null, note: "again" },
  });
});

test("the ledger has an entry for each stream, with mode, window and count, and no value", async () => {
  const [first, other] = [await seed.stream(tenant), await seed.stream(tenant)];
  await write("UPSERT", [
    {
      streamId: first.uuid,
      timestamps: [second(9), second(0), second(5)],
      values: [123456, 2, 3],
    },
    { streamId: other.uuid, timestamps: [second(3)], values: [null] },
  ]);
  const entry = await database
    .owner("ledger.entries")
    .orderBy("id", "desc")
    .first();
  const at = (n: number) => second(n).replace(".000Z", "+00:00");
  const part = ({ uuid }: Stream, count: number, from: number, to: number) => ({
    id: uuid,
    window: { from: at(from), to: at(to) },
    count,
  });
  expect(entry).toMatchObject({
    ...{ kind: "EVENTS", action: "writeEvents" },
    ...{ actor_identity: contributor.uuid, tenant_ids: [tenant.uuid] },
    ...{ subject_type: "Tenant", subject_id: tenant.uuid, before: null },
    after: {
      mode: "UPSERT",
      streams: [part(first, 3, 0, 9), part(other, 1, 3, 3)],
    },
  });
});

test.each([
  ["all with values", -0],
  ["one without", null],
])(
  "events that are sent again as they were cost no new rows, %s",
  async (_, fourth) => {
    const stream = await seed.stream(tenant);
    const events = { streamId: stream.uuid, timestamps: seconds(0, 10) };
    const values = [0, 1, 2, 3, fourth, 5, 6, 7, 8, 9.5];
    const versions = async () =>
      (
        await database.owner.raw<{ rows: object[] }>(
          "select ts, value, xmin::text from stream.events where tenant_id = ? and stream_id = ? order by ts",
          [stream.tenantId, stream.id],
        )
      ).rows;
    await write("UPSERT", [{ ...events, values }]);
    const before = await versions();
    await write("UPSERT", [{ ...events, values }]);
    expect(await versions()).toEqual(before);
    // Some of them, with others in between.
    await write("UPSERT", [
      {
        streamId: stream.uuid,
        timestamps: [...seconds(2, 1), ...seconds(5, 2)],
        values: [2, 5, 6],
      },
    ]);
    expect(await versions()).toEqual(before);
    await write("UPSERT", [{ ...events, values: values.with(3, 30) }]);
    const after = await versions();
    expect(after.with(3, before[3] ?? {})).toEqual(before);
    expect(after[3]).not.toEqual(before[3]);
    // As many as are there, and as far, but not the same ones.
    await database
      .owner("stream.events")
      .where({ stream_id: stream.id, tenant_id: stream.tenantId, value: 8 })
      .delete();
    await write("UPSERT", [{ ...events, values: values.with(3, 30) }]);
    expect(await versions()).toMatchObject(
      after.map((row) => ({ ...row, xmin: expect.any(String) })),
    );
  },
);

describe("a right that is lost while events are written ends the writing", () => {
  test.each<
    [string, string, (stream: Stream, identity: Identity) => Promise<void>]
  >([
    [
      "the identity is disabled",
      "UNAUTHENTICATED",
      async (_, { id }) => {
        await database
          .owner("tenant.identities")
          .where({ id })
          .update({ enabled: false });
      },
    ],
    [
      "its role is taken",
      "NOT_FOUND",
      async (_, { id }) => {
        await database
          .owner("tenant.identity_roles")
          .where({ identity_id: id })
          .delete();
      },
    ],
    [
      "WRITE is taken from the access list",
      "FORBIDDEN",
      async (stream) => {
        const list = await seed.accessList(tenant, [
          { rights: 1, role: "CONTRIBUTOR" },
        ]);
        await database
          .owner("stream.streams")
          .where({ id: stream.id })
          .update({ access_list_id: list });
      },
    ],
  ])("%s: %s", async (_, code, lose) => {
    const identity = await seed.client(tenant, ["CONTRIBUTOR"]);
    const stream = await seed.stream(tenant);
    const context = createContext(
      database.as("stream"),
      unrecorded,
    )({
      viewer: as(identity),
      requestId: "test",
    });
    let written = {};
    const writing = storeEvents(
      { streamIds: [stream.uuid], mode: "INSERT" },
      context,
      async function* ([target]) {
        const input = {
          streamId: stream.uuid,
          timestamps: seconds(0, 2),
          values: [1, 2],
        };
        if (target) yield [columnsFrom(input, target, "input.streams.0")];
        await lose(stream, identity);
        written = await everythingWritten(database);
      },
    );
    await expect(writing).rejects.toMatchObject({ extensions: { code } });
    expect(await everythingWritten(database)).toEqual(written);
  });
});

describe("many writers at once", () => {
  const latestOf = async () =>
    (
      await database.owner.raw<{ rows: object[] }>(
        `select stream_id, first_ts, ts, value from stream.latest where tenant_id = ? order by 1`,
        [tenant.id],
      )
    ).rows;
  const endsOfEvents = async () =>
    (
      await database.owner.raw<{ rows: object[] }>(
        `select distinct on (stream_id) stream_id, min(ts) over (partition by stream_id) as first_ts, ts, value
         from stream.events where tenant_id = ? order by stream_id, ts desc`,
        [tenant.id],
      )
    ).rows;

  test("neither wait for each other in a circle nor lose an event, and first and last stay true", async () => {
    const streams = await Promise.all(
      Array.from({ length: 6 }, () => seed.stream(tenant)),
    );
    const expected = new Map(streams.map(({ id }) => [id, new Set<number>()]));
    const calls = Array.from({ length: 40 }, (_, call) => {
      const chosen = streams.filter((_, i) => (call * 7 + i * 3) % 4 < 2);
      if (call % 2) chosen.reverse();
      return chosen.map((stream) => {
        const from = (call * 13 + stream.id) % 50;
        for (let n = from; n < from + 10; n += 1)
          expected.get(stream.id)?.add(n);
        return {
          streamId: stream.uuid,
          timestamps: seconds(from, 10),
          values: Array<number>(10).fill(call),
        };
      });
    });
    const answers = await Promise.all(
      calls.map((call) => write("UPSERT", call)),
    );
    expect(answers.map(outcome)).toEqual(calls.map(() => "ok"));
    for (const stream of streams)
      expect((await eventsOf(stream)).map(([at]) => at)).toEqual(
        [...(expected.get(stream.id) ?? [])].sort((a, b) => a - b),
      );
    expect(await latestOf()).toEqual(await endsOfEvents());
  }, 60_000);

  test("of those that INSERT the same event, one succeeds", async () => {
    const stream = await seed.stream(tenant);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        write("INSERT", [
          { streamId: stream.uuid, timestamps: [second(0)], values: [i] },
        ]),
      ),
    );
    expect(answers.map(outcome).sort()).toEqual([
      ...Array<string>(7).fill("CONFLICT"),
      "ok",
    ]);
    expect(await eventsOf(stream)).toHaveLength(1);
  });
});
