import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { connect } from "../../common/database.ts";
import { liveness } from "../../common/viewer-store.ts";
import { TestDatabase } from "../support/database.ts";
import { as } from "../support/run.ts";
import { Seed } from "../support/seed.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

async function seedCall() {
  const seed = new Seed(database.owner);
  const user = await seed.user(await seed.tenant());
  const remove = () =>
    database.owner("tenant.identities").where({ id: user.id }).delete();
  return { call: { viewer: as(user), requestId: "one" }, remove };
}

test("is remembered for a call, until it is asked afresh", async () => {
  const { call, remove } = await seedCall();
  const isLive = liveness(database.as("tenant"), call);
  expect(await isLive()).toBe(true);
  await remove();
  expect(await isLive()).toBe(true);
  expect(await isLive("AFRESH")).toBe(false);
  expect(await isLive()).toBe(false);
});

test("is asked afresh once for all who ask at a time, and again for who asks later", async () => {
  const { call, remove } = await seedCall();
  const db = database.as("tenant");
  const isLive = liveness(db, call);
  let questions = 0;
  const count = () => (questions += 1);
  db.on("query", count);
  const early = Promise.all([isLive("AFRESH"), isLive("AFRESH")]);
  expect(await early).toEqual([true, true]);
  expect(questions).toBe(1);
  await remove();
  expect(await isLive("AFRESH")).toBe(false);
  expect(questions).toBe(2);
  db.off("query", count);
});

test("is asked again after it could not be answered", async () => {
  const { call } = await seedCall();
  const ended = connect(database.url, { name: "ended", poolSize: 1 });
  await ended.destroy();
  await expect(liveness(ended, call)()).rejects.toThrow();
  expect(await liveness(database.as("tenant"), call)()).toBe(true);
});
