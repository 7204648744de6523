import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { connect, prepared, type Knex } from "../../common/database.ts";
import { roleUrl } from "../../migrations/run.ts";
import { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
/** Of one connection, which all transactions get in turn. */
let db: Knex;
beforeAll(async () => {
  database = await TestDatabase.create();
  db = connect(roleUrl(database.url, "tenant"), { name: "test", poolSize: 1 });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const numbers = (handle: Knex) =>
  prepared<{ number: number }>(
    handle,
    handle.raw("select 1::int as number from secret"),
  );

test("a prepared statement reads what its own transaction wrote", async () => {
  await db.transaction(async (transaction) => {
    await transaction.raw("create temporary table secret () on commit drop");
    await transaction.raw("insert into secret default values");
    await expect(numbers(transaction)).resolves.toEqual([{ number: 1 }]);
    await transaction.transaction((inner) =>
      expect(numbers(inner)).resolves.toEqual([{ number: 1 }]),
    );
  });
});

test.each(["committed", "rolled back"])(
  "a prepared statement of a transaction that was %s is not sent into the next one on its connection",
  async (end) => {
    const ended: Knex[] = [];
    await db
      .transaction(async (transaction) => {
        await transaction.transaction((inner) =>
          Promise.resolve(ended.push(inner)),
        );
        ended.push(transaction);
        if (end === "rolled back") throw new Error("Take it back.");
      })
      .catch(() => undefined);
    await db.transaction(async (other) => {
      await other.raw("create temporary table secret () on commit drop");
      await other.raw("insert into secret default values");
      for (const handle of ended)
        await expect(numbers(handle)).rejects.toThrow(
          "The transaction has ended",
        );
      // Nor is that one aborted by it.
      await expect(numbers(other)).resolves.toHaveLength(1);
    });
  },
);

const pairs = (handle: Knex, number: number | null, text: string) =>
  prepared(
    handle,
    handle.raw(`select ?::int as number, ?::text as text`, [number, text]),
  );
const texts = (handle: Knex, text: string | null) =>
  prepared(handle, handle.raw(`select ?::text as text`, [text]));

test("what is prepared once is given its own values each time, and answers with its own columns", async () => {
  await db.transaction(async (transaction) => {
    for (let i = 0; i < 3; i += 1) {
      await expect(pairs(transaction, i, "a")).resolves.toEqual([
        { number: i, text: "a" },
      ]);
      await expect(texts(transaction, null)).resolves.toEqual([{ text: null }]);
      await expect(pairs(transaction, null, `b${i}`)).resolves.toEqual([
        { number: null, text: `b${i}` },
      ]);
      await expect(texts(transaction, `c${i}`)).resolves.toEqual([
        { text: `c${i}` },
      ]);
    }
  });
});

test("a value that is refused spoils neither the statement nor its connection", async () => {
  const number = (value: string) =>
    prepared(db, db.raw("select ?::int as refused", [value]));
  // Refused before its columns are described.
  await expect(number("none")).rejects.toThrow(
    'invalid input syntax for type integer: "none"',
  );
  await expect(number("7")).resolves.toEqual([{ refused: 7 }]);
  await expect(number("none")).rejects.toThrow("invalid input syntax");
  await expect(number("8")).resolves.toEqual([{ refused: 8 }]);
});

test("a statement whose columns have changed since is refused, and not misread", async () => {
  await db.transaction(async (transaction) => {
    const changing = () =>
      prepared(transaction, transaction.raw("select * from changing"));
    await transaction.raw(
      "create temporary table changing (a int, b text) on commit drop",
    );
    await transaction.raw("insert into changing values (1, 'x')");
    await expect(changing()).resolves.toEqual([{ a: 1, b: "x" }]);
    await transaction.raw("alter table changing drop column a");
    await expect(changing()).rejects.toThrow(
      "cached plan must not change result type",
    );
  });
});

test("a statement without columns answers with as many rows as it has", async () => {
  const nameless = () =>
    prepared(db, db.raw("select from generate_series(1, ?::int)", [2]));
  await expect(nameless()).resolves.toEqual([{}, {}]);
  await expect(nameless()).resolves.toEqual([{}, {}]);
});
