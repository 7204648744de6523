import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Knex } from "../../common/database.ts";
import { ShapeStore } from "../../subgraphs/stream/event/shape-store.ts";
import { TestDatabase } from "../support/database.ts";
import { Seed, type Stream } from "../support/seed.ts";

let database: TestDatabase;
let db: Knex;
/** Of types whose only property has 1,000 states of 200 letters each. */
const streams: Stream[] = [];
beforeAll(async () => {
  database = await TestDatabase.create();
  db = database.as("stream");
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  for (let i = 0; i < 4; i += 1) {
    const stream = await seed.stream(tenant);
    await database.owner.raw(
      `update stream.properties p
       set kind = 'ENUM', states = array(select rpad(n::text, 200, 'x') from generate_series(1, 1000) n)
       from stream.streams s
       where s.uuid = ? and p.tenant_id = s.tenant_id and p.type_id = s.type_id`,
      [stream.uuid],
    );
    streams.push(stream);
  }
});
afterAll(() => database.drop());

test("shapes are remembered by what they take, so that nobody fills the memory with types of many states", async () => {
  const shapes = new ShapeStore(db, 500_000);
  const keys = await database
    .owner("stream.streams")
    .select("tenant_id as tenantRowId", "type_id as typeRowId")
    .whereIn(
      "uuid",
      streams.map(({ uuid }) => uuid),
    )
    .orderBy("id");
  const isKnown = async (place: number) => {
    const shape = shapes.of(keys[place]);
    await shape;
    return !(shape instanceof Promise);
  };
  for (const key of keys)
    expect((await shapes.of(key))[0]?.states).toHaveLength(1000);
  expect(await isKnown(3)).toBe(true);
  expect(await isKnown(2)).toBe(true);
  expect(await isKnown(0)).toBe(false);
});
