import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { microsOf } from "../../common/date-time.ts";
import { TestDatabase } from "../support/database.ts";
import { Plant } from "./plant.ts";

let database: TestDatabase;
let plant: Plant;
let id: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  plant = await Plant.seed(database);
  const at = (n: number) => microsOf("2026-01-01T00:00:00Z") + n * 1_000_000;
  id = await plant.create({
    properties: [
      { name: "flow", kind: "FLOAT", interpolation: "CONTINUOUS" },
      { name: "isOpen", kind: "BOOLEAN", interpolation: "STEPWISE_PREVIOUS" },
      { name: "note", kind: "TEXT", interpolation: "STEPWISE_PREVIOUS" },
      { name: "seen at", kind: "TIMESTAMP", interpolation: "CONTINUOUS" },
      { name: "mode", kind: "ENUM", interpolation: "STEPWISE_PREVIOUS" },
    ],
    extrapolation: "BOTH",
    events: [
      { at: at(0), values: [0, true, "a", at(0), "off"] },
      { at: at(1), values: [1.5, false, "it's", at(10), "starting"] },
      { at: at(2), values: [-2, null, null, null, "it's on"] },
      { at: at(3), values: [null, true, "b", at(30), null] },
    ],
  });
});
afterAll(() => database.drop());

const ask = (filter: string) =>
  plant.run(
    plant.partner,
    `query ($id: ID!, $filter: String!) {
      stream(id: $id) {
        events(window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }, filter: $filter) { timestamps }
      }
    }`,
    { id, filter },
  );

/** The seconds of the events that a filter keeps. */
async function kept(filter: string): Promise<number[]> {
  const { data, errors } = await ask(filter);
  expect(errors).toEqual([]);
  const { stream } = data as unknown as {
    stream: { events: { timestamps: string[] } };
  };
  return stream.events.timestamps.map((time) => Number(time.slice(17, 19)));
}

test.each<[string, number[]]>([
  ["flow > 0", [1]],
  ["flow >= 0 and flow < 1e1", [0, 1]],
  ["flow = 1 OR flow=0", [0]],
  ["not flow = 0", [1, 2]],
  ["flow <> 0", [1, 2]],
  ["flow is null", [3]],
  ["flow is not null and isOpen is null", [2]],
  ["isOpen", [0, 3]],
  ["not isOpen", [1]],
  ["isOpen = false", [1]],
  ["flow * 2 + 1 = 4", [1]],
  ["(flow + 1) * 2 = 5", [1]],
  ["-flow = 2", [2]],
  ["flow - -2 = 0", [2]],
  ["10 / flow = -5", [2]],
  ["1 / flow is null", [0, 3]],
  ["6 / 3 / 2 = 1", [0, 1, 2, 3]],
  ["1 - 1 - 1 = -1", [0, 1, 2, 3]],
  ["note = 'it''s'", [1]],
  ["note >= 'b'", [1, 3]],
  ["\"note\" = 'a'", [0]],
  ["\"seen at\" > '2026-01-01T01:00:05+01:00'", [1, 3]],
  ["mode = 'it''s on'", [2]],
  ["mode != 'off'", [1, 2]],
  ["flow = 1.5 or isOpen and note = 'b'", [1, 3]],
  ["not (isOpen or flow < 0)", [1]],
  ["true", [0, 1, 2, 3]],
])("%s", async (filter, expected) => {
  expect(await kept(filter)).toEqual(expected);
});

describe("a fault is named with its place:", () => {
  test.each([
    ["", 1, "belongs here, not the end of the filter"],
    ["flow >", 7, "belongs here, not the end of the filter"],
    ["flow > 1 2", 10, '"2" is not expected here'],
    ["flow == 1", 7, 'belongs here, not "="'],
    ["flow & 1", 6, '"&" is not understood'],
    ["note = 'a\0'", 8, "no text has the character U+0000"],
    ["note = 'a", 8, "this ' is never closed"],
    ["(flow > 1", 10, 'a ")" is missing for the "(" at character 1'],
    ["flow > 1)", 9, '")" is not expected here'],
    ["pressure > 1", 1, 'there is no property "pressure"'],
    ["flow", 1, "true or false belongs here, and this is a number"],
    ["flow > 'a'", 6, "a number cannot be compared with a text"],
    ["note + 1 > 2", 1, "a number belongs here, and this is a text"],
    ["isOpen > true", 8, "compared by = and != alone"],
    ["mode = 'on'", 8, 'there is no state "on"'],
    ["\"seen at\" > 'noon'", 13, "this is no time"],
    ["flow is 1", 9, '"null" belongs here'],
    ["flow > 1e999", 8, "this number is too large"],
    ["flow > 1 > 0", 10, "true or false cannot be compared with a number"],
    ["(".repeat(60), 51, "nested more than 50 deep"],
  ])("%s", async (filter, position, message) => {
    const { errors } = await ask(filter);
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(`Filter, character ${position}: `),
        extensions: { code: "BAD_USER_INPUT", at: "filter" },
      }),
    ]);
    expect(errors[0]?.message).toContain(message);
  });

  test("more than 2,000 characters", async () => {
    const { errors } = await ask(`flow > 1${" ".repeat(2000)}`);
    expect(errors[0]?.extensions).toEqual({
      ...{ code: "LIMIT_EXCEEDED", at: "filter", limit: 2000, value: 2008 },
    });
  });
});

test("texts are compared by their code points in a database of another language, too", async () => {
  await database.owner.raw(
    `alter table stream.events alter column texts type text[] collate "en-x-icu"`,
  );
  const { rows } = await database.owner.raw<{ rows: unknown[] }>(
    `select from stream.events where texts[1] < 'B'`,
  );
  expect(rows).toHaveLength(2);
  expect(await kept("note < 'B'")).toEqual([]);
  expect(await kept("'B' >= note")).toEqual([]);
  expect(await kept("note > 'B' and note <= 'é'")).toEqual([0, 1, 3]);
});

test("every value is bound: nothing of a filter is in the statement's text", async () => {
  const statements: string[] = [];
  const listen = ({ sql }: { sql: string }) => statements.push(sql);
  const db = database.as("stream");
  db.on("query", listen);
  await ask(`note = 'drop table' or flow > 123.25 or mode = 'starting'`);
  db.off("query", listen);
  const text = statements.join("\n");
  expect(text).toContain("stream.events");
  for (const value of ["drop table", "123.25", "starting"])
    expect(text).not.toContain(value);
});
