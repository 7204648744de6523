import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dateTimeOf, microsOf } from "../../common/date-time.ts";
import { TestDatabase } from "../support/database.ts";
import { casesOr } from "../support/cases.ts";
import { outcome } from "../support/run.ts";
import * as naive from "./naive.ts";
import { Plant, written } from "./plant.ts";
import { difference, series, window } from "./random.ts";

let database: TestDatabase;
let plant: Plant;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
});
afterAll(() => database.drop());

const start = microsOf("2026-10-01T00:00:00Z");
const at = (minute: number) => start + minute * 60_000_000;
const day = `window: { from: "2026-10-01T00:00:00Z", to: "2026-10-02T00:00:00Z" }`;

const floats = (
  events: Record<number, number | null>,
  more: Partial<naive.Series> = {},
): naive.Series => ({
  properties: [{ name: "value", kind: "FLOAT", interpolation: "CONTINUOUS" }],
  extrapolation: "BOTH",
  events: Object.entries(events).map(([minute, value]) => ({
    at: at(Number(minute)),
    values: [value],
  })),
  ...more,
});

const never = "00000000-0000-4000-8000-000000000000";

describe("many streams at once", () => {
  let ids: string[];
  beforeAll(async () => {
    ids = [
      await plant.create(floats({ 0: 1, 1: 2 })),
      await plant.create(floats({ 0: 3 })),
    ];
  });
  const [first, second] = [() => ids[0] as string, () => ids[1] as string];

  test("have their last events as columns, in their order and as often as they are named", async () => {
    const kinds = [
      ["INTEGER", 7],
      ["BOOLEAN", true],
      ["TEXT", 'say "now"'],
      ["TIMESTAMP", "2026-01-31T08:00:00.5+00:00"],
      ["FLOAT", null],
    ] as const;
    const others = await Promise.all(
      kinds.map(([kind, value]) =>
        plant.create({
          ...floats({}),
          properties: [{ name: "value", kind, interpolation: "DISCRETE" }],
          events: [{ at: at(5), values: [value] }],
        }),
      ),
    );
    const empty = await plant.create(floats({}));
    const { data } = await plant.run(
      plant.partner,
      `query ($ids: [ID!]!) { streamLast(ids: $ids) { rowCount timestamps values } }`,
      { ids: [second(), ...others, empty, first()] },
    );
    const five = others.map(() => dateTimeOf(at(5)));
    expect(data).toEqual({
      streamLast: {
        rowCount: 8,
        timestamps: [dateTimeOf(at(0)), ...five, null, dateTimeOf(at(1))],
        values: [3, ...kinds.map(([, value]) => value), null, 2],
      },
    });
  });

  describe("have their last events", () => {
    let [warm, cold, count, note]: string[] = [];
    beforeAll(async () => {
      const measured = (
        kind: naive.Property["kind"],
        value: naive.Value,
        uom?: string,
      ) =>
        plant.create({
          ...floats({}),
          properties: [
            {
              name: "value",
              kind,
              interpolation: "DISCRETE",
              ...(uom && { uom }),
            },
          ],
          events: [{ at: at(5), values: [value] }],
        });
      [warm, cold, count, note] = [
        await measured("FLOAT", 25, "degC"),
        await measured("FLOAT", null, "degC"),
        await measured("INTEGER", 300, "degC"),
        await measured("TEXT", "a"),
      ];
      await database.owner.raw(
        `insert into stream.property_overrides (tenant_id, stream_id, position, uom)
         select tenant_id, id, 0, 'K' from stream.streams where uuid = ?`,
        [count],
      );
    });
    const read = (
      ids: readonly (string | undefined)[],
      uom: string | null = null,
    ) =>
      plant.run(
        plant.partner,
        `query ($ids: [ID!]!, $uom: String) { streamLast(ids: $ids, uom: $uom) { values kinds uoms } }`,
        { ids, uom },
      );

    test("with the kind and the unit that each stream has", async () => {
      const { data } = await read([note, warm, count, cold]);
      expect(data).toEqual({
        streamLast: {
          values: ["a", 25, 300, null],
          kinds: ["TEXT", "FLOAT", "INTEGER", "FLOAT"],
          uoms: [null, "degC", "K", "degC"],
        },
      });
    });

    test("in one unit, as far as they have one", async () => {
      const { data } = await read([note, warm, count, cold], "K");
      expect(data).toEqual({
        streamLast: {
          values: ["a", expect.closeTo(298.15, 9), 300, null],
          kinds: ["TEXT", "FLOAT", "INTEGER", "FLOAT"],
          uoms: [null, "K", "K", "K"],
        },
      });
      const values = await plant.ask(
        plant.partner,
        `query ($ids: [ID!]!) { streamLast(ids: $ids, uom: "degC") { values } }`,
        { ids: [count, warm] },
      );
      expect(values).toEqual({
        streamLast: { values: [expect.closeTo(26.85, 9), 25] },
      });
    });

    test.each([
      [
        "that one cannot be read in",
        () => [note, warm],
        "bar",
        /"degC", which cannot/,
      ],
      ["where none has one", () => [note], "K", /None of "value" is a number/],
    ])("not in a unit %s", async (_, ids, uom, message) => {
      const { data, errors } = await read(ids(), uom);
      expect(data).toEqual({ streamLast: null });
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringMatching(message),
          extensions: { code: "BAD_USER_INPUT", at: "uom" },
        }),
      ]);
    });
  });

  test.each([
    ["one that was never issued", never, "NOT_FOUND"],
    ["no id", "here", "NOT_FOUND"],
  ])(
    "have no last events as columns with %s among them",
    async (_, id, code) => {
      const answer = await plant.run(
        plant.partner,
        `query ($ids: [ID!]!) { streamLast(ids: $ids) { values } }`,
        { ids: [first(), id, second()] },
      );
      expect(outcome(answer)).toBe(code);
      expect(answer.errors[0]?.extensions.at).toBe("ids.1");
      expect(answer.data).toEqual({ streamLast: null });
    },
  );

  test("have their last events read once each, or a request could fill the record of reads", async () => {
    const answer = await plant.run(
      plant.partner,
      `query ($ids: [ID!]!) { streamLast(ids: $ids) { values } }`,
      { ids: [first(), second(), first()] },
    );
    expect(outcome(answer)).toBe("BAD_USER_INPUT");
    expect(answer.errors[0]?.extensions.at).toBe("ids");
    expect(answer.data).toEqual({ streamLast: null });
  });

  test("are read in their order, with an error in the place of one that is not there", async () => {
    const { data, errors } = await plant.run(
      plant.partner,
      `query ($ids: [ID!]!) {
        streamEvents(ids: $ids, ${day}, reversed: true) { rowCount values }
        streamSummaries(ids: $ids, ${day}, count: 1, kinds: [TOTAL]) { columns { summary values } }
      }`,
      { ids: [second(), never, first()] },
    );
    const total = (value: number) => ({
      columns: [{ summary: "TOTAL", values: [value] }],
    });
    expect(data).toEqual({
      streamEvents: [
        { rowCount: 1, values: [3] },
        null,
        { rowCount: 2, values: [2, 1] },
      ],
      streamSummaries: [total(3), null, total(3)],
    });
    expect(
      errors.map(({ path, extensions }) => ({ path, ...extensions })),
    ).toEqual(
      ["streamEvents", "streamSummaries"].map((field) => ({
        ...{ path: [field, 1], code: "NOT_FOUND", at: "ids.1" },
      })),
    );
  });

  test("of one shape are one statement", async () => {
    const statements: string[] = [];
    const listen = ({ sql }: { sql: string }) => statements.push(sql);
    const db = database.as("stream");
    db.on("query", listen);
    await plant.ask(
      plant.partner,
      `query ($ids: [ID!]!) { streamSummaries(ids: $ids, ${day}, count: 24) { values } }`,
      { ids },
    );
    db.off("query", listen);
    expect(
      statements.filter((sql) => sql.includes("stream.events")),
    ).toHaveLength(1);
  });

  test("are divided by one calendar, looked up once", async () => {
    const statements: string[] = [];
    const listen = ({ sql }: { sql: string }) => statements.push(sql);
    const db = database.as("stream");
    db.on("query", listen);
    await plant.ask(
      plant.partner,
      `query ($ids: [ID!]!) { streamSummaries(ids: $ids, ${day}, interval: "P1D") { values } }`,
      { ids },
    );
    db.off("query", listen);
    expect(
      statements.filter((sql) => sql.includes("from generate_series(0")),
    ).toHaveLength(1);
  });

  test("go on by the cursor of each", async () => {
    const { streamEvents } = await plant.ask(
      plant.partner,
      `query ($ids: [ID!]!) { streamEvents(ids: $ids, ${day}, first: 1) { endCursor hasNextPage } }`,
      { ids },
    );
    const [page] = streamEvents as { endCursor: string }[];
    const { stream } = await plant.ask(
      plant.partner,
      `query ($id: ID!, $after: String) { stream(id: $id) { events(${day}, after: $after) { values } } }`,
      { id: first(), after: page?.endCursor },
    );
    expect(stream).toEqual({ events: { values: [2] } });
  });

  test.each([
    ["none", 0, "BAD_USER_INPUT"],
    ["one that is named twice", 2, "BAD_USER_INPUT"],
    ["1,001", 1_001, "LIMIT_EXCEEDED"],
  ])("%s: refused", async (_, count, code) => {
    for (const field of [
      `streamEvents(ids: $ids, ${day})`,
      `streamSummaries(ids: $ids, ${day}, count: 1)`,
      `streamJoin(ids: $ids, ${day}, mode: OUTER)`,
      `streamLast(ids: $ids)`,
    ]) {
      const answer = await plant.run(
        plant.partner,
        `query ($ids: [ID!]!) { ${field} { rowCount } }`,
        { ids: Array<string>(count).fill(first()) },
      );
      expect(answer.errors[0]?.extensions).toMatchObject({ code, at: "ids" });
    }
  });

  test("a join of 101 is refused, too", async () => {
    const answer = await plant.run(
      plant.partner,
      `query ($ids: [ID!]!) { streamJoin(ids: $ids, ${day}, mode: OUTER) { rowCount } }`,
      { ids: Array<string>(101).fill(first()) },
    );
    expect(answer.errors[0]?.extensions).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: 100,
      value: 101,
      at: "ids",
    });
  });
});

const joinQuery = `query ($ids: [ID!]!, $mode: JoinMode!, $window: TimeWindow!, $first: Int! = 1000, $after: String) {
  streamJoin(ids: $ids, mode: $mode, window: $window, first: $first, after: $after) {
    rowCount timestamps columns { stream { id } property values } endCursor hasNextPage
  }
}`;

interface Page {
  readonly rowCount: number;
  readonly timestamps: readonly string[];
  readonly columns: readonly {
    readonly stream: { readonly id: string };
    readonly property: string;
    readonly values: readonly unknown[];
  }[];
  readonly endCursor: string;
  readonly hasNextPage: boolean;
}

describe("a join", () => {
  const join = async (ids: readonly string[], mode: string) => {
    const { streamJoin } = await plant.ask(plant.partner, joinQuery, {
      ...{ ids, mode },
      window: { from: dateTimeOf(at(0)), to: dateTimeOf(at(60)) },
    });
    const { timestamps, columns } = streamJoin as Page;
    return timestamps.map((time, row) => [
      (microsOf(time) - start) / 60_000_000,
      ...columns.map(({ values }) => values[row]),
    ]);
  };

  test("has the rows that its mode says", async () => {
    const ids = [
      await plant.create(floats({ 0: 0, 10: 10, 20: 20 })),
      await plant.create(
        floats({ 5: 1, 10: null, 30: 3 }, { extrapolation: "NONE" }),
      ),
    ];
    expect(await join(ids, "INNER")).toEqual([[10, 10, null]]);
    expect(await join(ids, "OUTER")).toEqual([
      [0, 0, null],
      [5, null, 1],
      [10, 10, null],
      [20, 20, null],
      [30, null, 3],
    ]);
    expect(await join(ids, "OUTER_INTERPOLATED")).toEqual([
      [0, 0, null],
      [5, 5, 1],
      [10, 10, null],
      [20, 20, null],
      [30, 20, 3],
    ]);
  });

  test("with one that cannot be read is refused, naming its place", async () => {
    const id = await plant.create(floats({ 0: 0 }));
    const variables = (ids: string[]) => ({
      ...{ ids, mode: "OUTER" },
      window: { from: dateTimeOf(at(0)), to: dateTimeOf(at(60)) },
    });
    const gone = await plant.run(
      plant.partner,
      joinQuery,
      variables([id, never]),
    );
    expect(gone.errors[0]?.extensions).toEqual({
      ...{ code: "NOT_FOUND", at: "ids.1" },
    });
    const twice = await plant.run(
      plant.partner,
      joinQuery,
      variables([id, id]),
    );
    expect(outcome(twice)).toBe("BAD_USER_INPUT");
    const { data } = await plant.run(
      plant.partner,
      `query ($id: ID!) { streamJoin(ids: [$id], mode: OUTER, ${day}) { columns(properties: ["pressure"]) { name } } }`,
      { id },
    );
    expect(data).toEqual({ streamJoin: null });
  });

  test("of random streams is what the naive joining makes of them, page by page", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(series, { minLength: 1, maxLength: 4 }),
        window,
        fc.integer({ min: 1, max: 9 }),
        async (all, { from, to }, size) => {
          const ids = await Promise.all(all.map((one) => plant.create(one)));
          for (const mode of [
            "INNER",
            "OUTER",
            "OUTER_INTERPOLATED",
          ] as const) {
            const expected = naive.joined(all, { from, to }, mode);
            for (let done = 0, after: string | null = null; ; done += size) {
              const { streamJoin } = await plant.ask(plant.partner, joinQuery, {
                ...{ ids, mode, first: size, after },
                window: { from: dateTimeOf(from), to: dateTimeOf(to) },
              });
              const { rowCount, timestamps, columns, endCursor, hasNextPage } =
                streamJoin as Page;
              const rows = expected.slice(done, done + size);
              expect(
                difference(
                  { rowCount, timestamps, columns },
                  tableOf(all, ids, rows),
                ),
              ).toBeNull();
              expect(hasNextPage).toBe(done + size < expected.length);
              if (!hasNextPage) break;
              after = endCursor;
            }
          }
        },
      ),
      { numRuns: Math.ceil(casesOr(300) / 30), endOnFailure: true },
    );
  }, 3_600_000);
});

/** Rows as the query asks for them. */
function tableOf(
  all: readonly naive.Series[],
  ids: readonly string[],
  rows: readonly naive.Event[],
) {
  const columns = all.flatMap(({ properties }, i) =>
    properties.map(({ name, kind }) => ({ stream: ids[i], name, kind })),
  );
  return {
    rowCount: rows.length,
    timestamps: rows.map(({ at }) => dateTimeOf(at)),
    columns: columns.map(({ stream, name, kind }, k) => ({
      stream: { id: stream },
      property: name,
      values: rows.map(({ values }) => written(kind, values[k] ?? null)),
    })),
  };
}
