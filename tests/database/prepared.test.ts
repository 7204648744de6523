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
