import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { run } from "../support/run.ts";
import type { Stream } from "../support/seed.ts";
import { send } from "../support/uploads.ts";
import { createUploadWorld, second, type UploadWorld } from "./upload-world.ts";
import { streamSubgraph } from "./world.ts";

/** Uploads of many batches beside calls of the graph, all of them on the same two streams. */
let world: UploadWorld;
let graph: TestGraph;
let streams: [Stream, Stream];
beforeAll(async () => {
  world = await createUploadWorld();
  const { seed, tenant } = world;
  streams = [await seed.stream(tenant), await seed.stream(tenant)];
  graph = await startGraph(world.database, "in one process", {
    environment: { INGEST_BATCH_CELLS: "20" },
  });
});
afterAll(async () => {
  await graph.stop();
  await world.database.drop();
});

const length = 60;
const seconds = (from: number) => Array.from({ length }, (_, i) => from + i);

/** Each writer has values of its own. */
const valueOf = (writer: number, at: number) => writer * 1000 + at;

async function upload(
  writer: number,
  from: number,
  named: readonly Stream[],
  mode: string,
): Promise<void> {
  const head = ["timestamp", ...named.map(({ uuid }) => uuid)];
  const rows = seconds(from).map((at) => [
    second(at),
    ...named.map(() => valueOf(writer, at)),
  ]);
  const body = [head, ...rows].map((row) => `${row.join()}\n`).join("");
  expect(
    await send(graph, world.writer, body, { query: `?mode=${mode}` }),
  ).toMatchObject({ status: 200, eventCount: 2 * length });
}

async function call(mutation: string, input: object): Promise<void> {
  const { errors } = await run(
    streamSubgraph(world.database),
    world.writer,
    mutation,
    { input },
  );
  expect(errors).toEqual([]);
}

const write = (writer: number, from: number, named: readonly Stream[]) =>
  call(
    "mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }",
    {
      mode: "UPSERT",
      streams: named.map(({ uuid }) => ({
        streamId: uuid,
        timestamps: seconds(from).map(second),
        values: seconds(from).map((at) => valueOf(writer, at)),
      })),
    },
  );

const remove = (from: number, to: number, named: readonly Stream[]) =>
  call(
    "mutation ($input: RemoveEventsInput!) { removeEvents(input: $input) { eventCount } }",
    {
      streams: named.map(({ uuid }) => ({
        streamId: uuid,
        window: { from: second(from), to: second(to) },
      })),
    },
  );

test("uploads and calls that meet on the same streams neither hold each other up for good nor lose an event", async () => {
  const backwards = streams.toReversed();
  await upload(1, 0, streams, "INSERT");
  await Promise.all([
    upload(2, 0, backwards, "PATCH"),
    upload(3, 0, streams, "REPLACE"),
    upload(4, 40, backwards, "UPSERT"),
    write(5, 80, streams),
    write(6, 20, backwards),
    remove(200, 300, streams),
  ]);
  for (const stream of streams) {
    const events = await world.eventsOf(stream);
    expect(events.map(([at]) => at)).toEqual(
      Array.from({ length: 140 }, (_, i) => i),
    );
    for (const [at, value] of events)
      expect(
        [1, 2, 3, 4, 5, 6].map((writer) => valueOf(writer, at ?? 0)),
      ).toContain(value);
  }
});

test("after removals beside them, what a stream begins and ends with is what it has", async () => {
  for (let round = 0; round < 3; round += 1) {
    await Promise.all([
      upload(1, 0, streams, "UPSERT"),
      upload(2, 30, streams.toReversed(), "UPSERT"),
      remove(0, 1000, streams),
      write(3, 100 * round, streams),
      remove(10 * round, 80, streams.toReversed()),
    ]);
    for (const stream of streams) {
      const events = await world.eventsOf(stream);
      const { rows } = await world.database.owner.raw<{
        rows: { first: number; last: number; value: number }[];
      }>(
        `select extract(epoch from first_ts - '2026-01-01T00:00:00Z')::int as first,
                extract(epoch from ts - '2026-01-01T00:00:00Z')::int as last, value
         from stream.latest where tenant_id = ? and stream_id = ?`,
        [stream.tenantId, stream.id],
      );
      const [[first] = []] = events;
      const [last, value] = events.at(-1) ?? [];
      expect(rows).toEqual(events.length > 0 ? [{ first, last, value }] : []);
    }
  }
});
