import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import { microsOf } from "../../common/date-time.ts";
import { TestDatabase } from "../support/database.ts";
import { Plant } from "./plant.ts";

let database: TestDatabase;
let plant: Plant;
let id: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
  id = await plant.create({
    properties: [{ name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" }],
    extrapolation: "BOTH",
    events: Array.from({ length: 20 }, (_, i) => ({
      at: microsOf("2026-01-01T00:00:00Z") + i * 60_000_000,
      values: [i],
    })),
  });
});
afterEach(() => database.owner("stream.read_limits").delete());
afterAll(() => database.drop());

/** What the operator lets the partner's tenant ask for. */
const limit = (limits: Record<string, number>) =>
  database.owner.raw(
    `insert into stream.read_limits (tenant_id, rows, points, streams, milliseconds)
     select i.tenant_id, :rows, :points, :streams, :milliseconds from tenant.identities i where i.uuid = :identity`,
    {
      ...{ rows: null, points: null, streams: null, milliseconds: null },
      ...limits,
      identity: plant.partner.identityId,
    },
  );

const window = `window: { from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z" }`;
const lastMinute = `window: { from: "2026-01-01T00:20:00Z", to: "2026-01-01T00:21:00Z" }`;
const ask = (field: string, viewer = plant.partner) =>
  plant.run(
    viewer,
    `query ($id: ID!) { stream(id: $id) { read: ${field} { rowCount values } } }`,
    { id },
  );

test.each<[string, number, string, string]>([
  [`events(${window}, first: 11)`, 11, "first", "Go on with the cursor"],
  [`interpolated(${window}, count: 11)`, 11, "count", "fewer or longer"],
  [
    `interpolated(${window}, interval: "PT1M")`,
    61,
    "interval",
    "fewer or longer",
  ],
  [`summaries(${window}, count: 11)`, 11, "count", "fewer or longer"],
  [
    `summaries(window: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" }, interval: "P1D")`,
    11,
    "interval",
    "fewer or longer",
  ],
  [`plot(${window}, width: 11)`, 11, "width", "fewer or longer"],
  [`lttb(${window}, points: 11)`, 11, "points", "Ask for fewer points"],
  [
    `interpolated(timestamps: ${JSON.stringify(Array<string>(11).fill("2026-01-01T00:00:00Z"))})`,
    ...([11, "timestamps", "Ask for them in several reads"] as const),
  ],
])("at most 10 rows: %s", async (field, value, at, next) => {
  await limit({ rows: 10 });
  const { data, errors } = await ask(field);
  expect(data).toEqual({ stream: { read: null } });
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining(next),
      extensions: { code: "LIMIT_EXCEEDED", limit: 10, value, at },
    }),
  ]);
  // The limit is the reader's tenant's own.
  expect((await ask(field, plant.owner)).errors).toEqual([]);
});

test.each([
  `summaries(${window}, count: 3)`,
  `summaries(${window}, count: 3, kinds: [TIME_WEIGHTED_MEAN, PERCENT_GOOD])`,
  `summaries(${window}, count: 3, filter: "value >= 0")`,
  `summaries(${window}, count: 3, kinds: [TIME_WEIGHTED_MEAN], filter: "value < 0")`,
  `plot(${window}, width: 3)`,
  `lttb(${window}, points: 3)`,
  `events(${window}, filter: "value < 0")`,
  `events(${window}, filter: "value < 0", reversed: true)`,
  `events(${lastMinute}, filter: "value < 0", boundary: OUTSIDE)`,
  `events(${lastMinute}, filter: "value < 0", boundary: EXACT_OR_CALCULATED)`,
])("events that are gone through: %s", async (field) => {
  await limit({ points: 19 });
  const { data, errors } = await ask(field);
  expect(data).toEqual({ stream: { read: null } });
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining("Ask for a part of the window"),
      extensions: {
        code: "LIMIT_EXCEEDED",
        limit: 19,
        value: 20,
        at: "window",
      },
    }),
  ]);
  await database.owner("stream.read_limits").update({ points: 20 });
  expect((await ask(field)).errors).toEqual([]);
});

test.each([
  `summaries(${window}, count: 3)`,
  `plot(${window}, width: 3)`,
  `lttb(${window}, points: 3)`,
])("events without a value are gone through, too: %s", async (field) => {
  const empty = await plant.create({
    properties: [{ name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" }],
    extrapolation: "BOTH",
    events: Array.from({ length: 20 }, (_, i) => ({
      at: microsOf("2026-01-01T00:00:00Z") + i * 60_000_000,
      values: [null],
    })),
  });
  await limit({ points: 19 });
  const { errors } = await plant.run(
    plant.partner,
    `query ($id: ID!) { stream(id: $id) { ${field} { values } } }`,
    { id: empty },
  );
  expect(errors).toMatchObject([
    { extensions: { code: "LIMIT_EXCEEDED", limit: 19, value: 20 } },
  ]);
});

test("a page that is full before has not gone through the rest", async () => {
  await limit({ points: 5 });
  expect(
    await ask(`events(${window}, filter: "value >= 3", first: 1)`),
  ).toMatchObject({ errors: [], data: { stream: { read: { values: [3] } } } });
});

test.each(["INNER", "OUTER", "OUTER_INTERPOLATED"])(
  "columns of a join, as many as PostgreSQL has: %s",
  async (mode) => {
    const properties = Array.from({ length: 100 }, (_, i) => ({
      ...{ name: `p${i}`, kind: "FLOAT" as const },
      interpolation: "CONTINUOUS" as const,
    }));
    const wide = { properties, extrapolation: "BOTH" as const, events: [] };
    const ids = await Promise.all(
      Array.from({ length: 17 }, () => plant.create(wide)),
    );
    const join = (ids: string[], columns = "columns") =>
      plant.run(
        plant.partner,
        `query ($ids: [ID!]!) { streamJoin(ids: $ids, mode: ${mode}, ${window}, first: 1) { ${columns} { name values } } }`,
        { ids },
      );
    expect((await join(ids)).errors).toMatchObject([
      {
        message: expect.stringContaining("fewer streams at a time"),
        extensions: {
          ...{ code: "LIMIT_EXCEEDED", limit: 1600, value: 1700, at: "ids" },
        },
      },
    ]);
    expect((await join(ids.slice(1))).errors).toEqual([]);
    const some = `columns(properties: ["p0"])`;
    expect((await join(ids, some)).errors).toEqual([]);
  },
);

test("pixels of all streams that a trend draws", async () => {
  await limit({ rows: 10 });
  const trend = (width: number) =>
    plant.run(
      plant.partner,
      `query ($ids: [ID!]!) { trend(input: { streamIds: $ids, ${window}, width: ${width} }) { rowCount } }`,
      { ids: [id, id] },
    );
  expect((await trend(6)).errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining("Draw fewer streams, or less wide"),
      extensions: {
        ...{ code: "LIMIT_EXCEEDED", limit: 10, value: 12 },
        at: "input.width",
      },
    }),
  ]);
  expect((await trend(5)).errors).toEqual([]);
});

test("events that a trend goes through, of each stream for itself", async () => {
  const few = await plant.create({
    properties: [{ name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" }],
    extrapolation: "BOTH",
    events: [{ at: microsOf("2026-01-01T00:00:00Z"), values: [1] }],
  });
  await limit({ points: 19 });
  const { data, errors } = await plant.run(
    plant.partner,
    `query ($ids: [ID!]!) { trend(input: { streamIds: $ids, ${window}, width: 2 }) { values } }`,
    { ids: [id, few] },
  );
  expect(data).toEqual({ trend: [null, { values: [1] }] });
  expect(errors).toEqual([
    expect.objectContaining({
      path: ["trend", 0],
      extensions: {
        ...{ code: "LIMIT_EXCEEDED", limit: 19, value: 20 },
        at: "input.window",
      },
    }),
  ]);
});

test("what one stream of many goes through costs the others nothing", async () => {
  const few = await plant.create({
    properties: [{ name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" }],
    extrapolation: "BOTH",
    events: [{ at: microsOf("2026-01-01T00:00:00Z"), values: [-1] }],
  });
  await limit({ points: 19 });
  const { data, errors } = await plant.run(
    plant.partner,
    `query ($ids: [ID!]!) { streamEvents(ids: $ids, ${window}, filter: "value < 0") { values } }`,
    { ids: [id, few] },
  );
  expect(data).toEqual({ streamEvents: [null, { values: [-1] }] });
  expect(errors).toMatchObject([
    { path: ["streamEvents", 0], extensions: { code: "LIMIT_EXCEEDED" } },
  ]);
});

test.each([
  ["INNER", 9, { limit: 19, value: 20, at: "window" }, "a part of the window"],
  ["OUTER", 10, { limit: 19, value: 20, at: "first" }, "go on with the cursor"],
  [
    "OUTER_INTERPOLATED",
    10,
    { limit: 19, value: 20, at: "first" },
    "go on with the cursor",
  ],
])(
  "events that a join goes through: %s",
  async (mode, first, details, next) => {
    const other = await plant.create({
      properties: [
        { name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" },
      ],
      extrapolation: "BOTH",
      events: [],
    });
    const join = (points: number) =>
      database
        .owner("stream.read_limits")
        .update({ points })
        .then(() =>
          plant.run(
            plant.partner,
            `query ($ids: [ID!]!) { streamJoin(ids: $ids, ${window}, mode: ${mode}, first: ${first}) { rowCount } }`,
            { ids: [id, other] },
          ),
        );
    await limit({ points: 19 });
    const { data, errors } = await join(19);
    expect(data).toEqual({ streamJoin: null });
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(next),
        extensions: { code: "LIMIT_EXCEEDED", ...details },
      }),
    ]);
    expect((await join(20)).errors).toEqual([]);
  },
);

test("lttb has no more events, with their times, than there may be values in all tables of a request", async () => {
  const field = `lttb(${window}, points: 2)`;
  await limit({ rows: 2 });
  expect(await ask(field)).toEqual({
    data: { stream: { read: null } },
    errors: [
      expect.objectContaining({
        message:
          "At most 18 events that a read goes through; this asks for 19. Ask for a part of the window, or for plot, which goes through more.",
      }),
    ],
  });
});

describe("values in all tables of a request, 20 for each row of one", () => {
  const tables = (field: string, count: number) => {
    const all = Array.from(
      { length: count },
      (_, i) => `a${i}: ${field} { timestamps values }`,
    ).join(" ");
    return plant.run(
      plant.partner,
      /^(stream|trend)/.test(field)
        ? `query { ${all} }`
        : `query { stream(id: "${id}") { ${all} } }`,
      {},
    );
  };
  const tooMany = {
    message: expect.stringContaining("Ask for fewer rows or columns"),
    extensions: { code: "LIMIT_EXCEEDED", limit: 200 },
  };

  test.each([
    `interpolated(${window}, count: 10)`,
    `interpolated(${window}, interval: "PT6M40S")`,
    `interpolated(timestamps: ${JSON.stringify(Array<string>(10).fill("2026-01-01T00:00:00Z"))})`,
    `summaries(${window}, count: 10, kinds: [COUNT])`,
    `summaries(${window}, interval: "PT6M", kinds: [COUNT])`,
    `plot(${window}, width: 10)`,
    `lttb(${window}, points: 10)`,
  ])("are refused before any is read: %s", async (field) => {
    await limit({ rows: 10 });
    expect((await tables(field, 3)).errors).toEqual([]);
    const { data, errors } = await tables(field, 11);
    expect(errors).toHaveLength(11);
    expect(errors[0]).toMatchObject(tooMany);
    expect(JSON.stringify(data)).not.toContain("timestamps");
  });

  test.each([
    `streamJoin(ids: ["$id"], ${window}, mode: OUTER, first: 10)`,
    `trend(input: { streamIds: ["$id"], ${window}, width: 10 })`,
  ])("are refused: %s", async (field) => {
    await limit({ rows: 10 });
    const ofStream = field.replace("$id", id);
    expect((await tables(ofStream, 4)).errors).toEqual([]);
    const { errors } = await tables(ofStream, 11);
    expect(errors[0]).toMatchObject(tooMany);
  });

  test("are counted as they are found where nobody knows before: pages of events", async () => {
    await limit({ rows: 10 });
    const few = `events(${lastMinute}, first: 10)`;
    expect((await tables(few, 20)).errors).toEqual([]);
    const { data, errors } = await tables(`events(${window}, first: 10)`, 20);
    expect(errors).toHaveLength(10);
    expect(errors[0]).toMatchObject(tooMany);
    const stream = data?.["stream"] as unknown as Record<string, unknown>;
    expect(
      Object.values(stream).filter((table) => table !== null),
    ).toHaveLength(10);
  });
});

test("streams that a read names", async () => {
  await limit({ streams: 1 });
  for (const field of [
    `streamEvents(ids: $ids, ${window})`,
    `streamSummaries(ids: $ids, ${window}, count: 1)`,
    `streamJoin(ids: $ids, ${window}, mode: INNER)`,
    `streamLast(ids: $ids)`,
    `trend(input: { streamIds: $ids, ${window}, width: 1 })`,
  ]) {
    const { errors } = await plant.run(
      plant.partner,
      `query ($ids: [ID!]!) { ${field} { rowCount } }`,
      { ids: [id, "another"] },
    );
    expect(errors[0]?.message).toContain("Ask for them in several reads");
    expect(errors[0]?.extensions).toEqual({
      ...{ code: "LIMIT_EXCEEDED", limit: 1, value: 2 },
      at: field.startsWith("trend") ? "input.streamIds" : "ids",
    });
  }
});

test("for how long it is worked on", async () => {
  await limit({ milliseconds: 5 });
  await database.owner.raw(
    `insert into stream.events (tenant_id, stream_id, ts, value)
     select tenant_id, id, timestamptz '2026-01-02T00:00:00Z' + g * interval '1 millisecond', g
     from stream.streams, generate_series(1, 200000) g where uuid = ?`,
    [id],
  );
  await database.owner.raw(
    `update stream.latest set ts = '2026-01-03T00:00:00Z' where stream_id = (select id from stream.streams where uuid = ?)`,
    [id],
  );
  const field = `summaries(window: { from: "2026-01-01T00:00:00Z", to: "2026-01-03T00:00:00Z" }, count: 1)`;
  const { data, errors } = await ask(field);
  expect(data).toEqual({ stream: { read: null } });
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining("A read may take 5 ms"),
      extensions: { code: "TIMEOUT", limit: 5 },
    }),
  ]);
  await database.owner("stream.read_limits").update({ milliseconds: 50_000 });
  expect((await ask(field)).errors).toEqual([]);
});
