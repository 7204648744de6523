import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { EventPage } from "../../subgraphs/stream/event/page.ts";
import { pageRead } from "../../subgraphs/stream/event/page-store.ts";
import { asJson } from "../../subgraphs/stream/event/packing-store.ts";
import { readOf } from "../../subgraphs/stream/event/read-store.ts";
import type { ReadSlot } from "../../subgraphs/stream/event/shape.ts";
import { TestDatabase } from "../support/database.ts";
import { Seed } from "../support/seed.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

const slot: ReadSlot = {
  ...{ name: "value", kind: "FLOAT", states: null, uom: null },
  ...{ column: "value", index: 0, interpolation: "CONTINUOUS" },
};

const window = { from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z" };

/** As it is prepared once, for whatever values. */
async function planOf(viewer: string, streamId: string, reversed: boolean) {
  const page = new EventPage(
    streamId,
    { window, boundary: "EXACT", reversed, first: 1_000 },
    100_000,
  );
  const needs = { timestamps: true, endCursor: true };
  const { text, bindings } = readOf(
    viewer,
    [streamId],
    pageRead([slot], [slot], page, needs, null, asJson),
  );
  let count = 0;
  const statement = text.replace(/\?/g, () => `$${(count += 1)}`);
  const values = bindings.map((value) =>
    Array.isArray(value) ? `'{${value.join(",")}}'` : `'${String(value)}'`,
  );
  return database.as("stream").transaction(async (transaction) => {
    await transaction.raw(`prepare page as ${statement}`);
    const { rows } = await transaction.raw<{
      rows: { "QUERY PLAN": string }[];
    }>(`explain (costs off) execute page (${values.join(", ")})`);
    await transaction.raw("deallocate page");
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  });
}

test.each([
  ["forwards", false],
  ["backwards", true],
])(
  "a page of a long stream among short ones sorts nothing of its window, whatever was vacuumed: %s",
  async (_, reversed) => {
    const seed = new Seed(database.owner);
    const tenant = await seed.tenant();
    const viewer = await seed.user(tenant, ["VIEWER"]);
    const stream = await seed.stream(tenant);
    await seed.events(stream, 40_000);
    await database.owner.raw(
      `insert into stream.events (tenant_id, stream_id, ts, value)
       select 1000000 + s % 20, 1000000 + s, timestamptz '2026-01-01T00:00:00Z' + make_interval(hours => g), g
       from generate_series(1, 1000) s cross join generate_series(1, 20) g
       on conflict do nothing`,
    );
    await database.owner.raw("vacuum (analyze) stream.events");

    const plan = await planOf(viewer.uuid, stream.uuid, reversed);

    expect(plan).toContain("Merge Append");
    expect(plan).not.toMatch(/-> {2}Sort\n +Sort Key: e\S*\.ts/);
  },
);
