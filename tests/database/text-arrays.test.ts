import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

test.each<[string, (string | null)[]]>([
  ["of nothing", []],
  ["of words", ["pump", "flow-rate", "é", "11:05"]],
  ["of what PostgreSQL quotes", ["", " ", "a b", "a,b", "{}", "NULL", "null"]],
  ["of quotes and backslashes", ['"', "\\", '\\"', 'a\\\\"b"', "\\n"]],
  ["of lines", ["a\nb", "\n", "\\\n", "\r\n"]],
  ["with nulls", [null, "a", null]],
])("an array of texts comes back as it was: %s", async (_, texts) => {
  const { rows } = await database.owner.raw<{ rows: { texts: unknown }[] }>(
    "select ?::text[] as texts",
    [texts as string[]],
  );
  expect(rows[0]?.texts).toEqual(texts);
});
