import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { connectionSettings } from "../common/database.ts";
import { encodeForCopy } from "./bare-copy.ts";
import type { Bench, Figure } from "./figure.ts";
import { startInOneProcess } from "./graph.ts";
import { Client, question, type Questions } from "./load.ts";
import type { Contender } from "./measure.ts";
import { runScript } from "./processes.ts";
import { seedPlant, type Plant } from "./world.ts";

/** The column `case` is no signal. */
const shape = { rows: 21_120, tags: 52, ignored: ["case"] };
const unit = 1_000;
const thousands = (shape.rows * shape.tags) / unit;
const batch = { streams: 50, events: 100 };
const sliceMs = 3_000;

export const ingest: Figure = {
  name: "ingest",
  title: "Writing events",
  about: `1 is a bare COPY in binary of the Tennessee Eastman file's 1.1 M events, encoded beforehand and in the order of the file,
into an empty \`stream.events\`; the CPU is that of sending and storing. \`npm run import\` takes the file itself, and makes
its streams. \`writeEvents\` goes through the graph in one process: calls of 5,000 events,
${batch.events} for each of ${batch.streams} streams, one call after the other. Where \`TRIBUTARY_TEST_DATA\` does not name the real file,
one of the same shape is made.`,
  unit: "1,000 events",
  ratio: "SPEED",
  rounds: 5,
  contenders: async (bench) => {
    const file = await processFile(bench);
    return [
      await bareCopy(file, bench),
      importCommand(file, bench),
      await writeEvents(bench),
    ];
  },
};

async function bareCopy(file: string, bench: Bench): Promise<Contender> {
  const data = await encodeForCopy(file, shape.ignored);
  let client: pg.Client;
  return {
    name: "bare COPY in binary",
    processes: [process.pid],
    prepare: async () => {
      const url = await bench.database.clone("bench_copy");
      client = new pg.Client(connectionSettings(url, "bench-copy"));
      await client.connect();
    },
    run: async () => {
      const copy =
        "copy stream.events (tenant_id, stream_id, ts, value) from stdin (format binary)";
      await pipeline(Readable.from(data), client.query(copyFrom(copy)));
      await client.end();
      return thousands;
    },
  };
}

function importCommand(file: string, { database }: Bench): Contender {
  let plant: Plant;
  return {
    name: "npm run import",
    processes: [],
    goal: 0.4,
    prepare: async () => {
      plant = await seedPlant(await database.clone("bench_import"));
    },
    run: async () => {
      const options = [
        ...["--as", plant.email, "--namespace", "Process", "--create"],
        ...["--ignore", shape.ignored.join()],
      ];
      await runScript(["commands/import.ts", ...options, file], {
        DATABASE_URL: plant.url,
      });
      return thousands;
    },
  };
}

async function writeEvents(bench: Bench): Promise<Contender> {
  const plant = await seedPlant(await bench.database.clone("bench_write"));
  const { url, processes } = await startInOneProcess(bench, plant.url);
  const client = new Client(url, { connections: 1 });
  bench.onEnd(() => client.close());
  const questions = await batches(plant, bench);
  await client.warmUp(questions);
  return {
    name: "writeEvents, 5,000 events a call",
    processes,
    goal: 0.2,
    run: async () => {
      const calls = await client.askFor(sliceMs, questions);
      return (calls * batch.streams * batch.events) / unit;
    },
  };
}

const mutation = `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`;

/** Each goes on where the one before ended. */
async function batches(
  { streamIds, identityId }: Plant,
  { tokens }: Bench,
): Promise<Questions> {
  const token = await tokens.sign(identityId);
  const start = Date.parse("2026-01-01T00:00:00Z");
  const row = Array.from({ length: batch.events }, (_, i) => i);
  return (n) => {
    const timestamps = row.map((i) =>
      new Date(start + (n * batch.events + i) * 1_000).toISOString(),
    );
    const streams = streamIds.slice(0, batch.streams).map((streamId, s) => ({
      streamId,
      timestamps,
      values: row.map((i) => Number((50 + s + Math.sin(n + i)).toFixed(3))),
    }));
    return question(mutation, { input: { mode: "INSERT", streams } }, token);
  };
}

async function processFile({ onEnd }: Bench): Promise<string> {
  const real = process.env["TRIBUTARY_TEST_DATA"];
  if (real) return join(real, "tennessee-eastman/process.csv");
  const directory = await mkdtemp(join(tmpdir(), "tributary-bench-data-"));
  onEnd(() => rm(directory, { recursive: true }));
  const file = join(directory, "process.csv");
  const tags = Array.from({ length: shape.tags }, (_, i) => i);
  const start = Date.parse("2025-01-01T00:00:00Z");
  const lines = Array.from({ length: shape.rows }, (_, row) =>
    [
      new Date(start + row * 180_000).toISOString().replace(".000", ""),
      Math.floor(row / 960),
      ...tags.map((tag) =>
        (50 + 5 * tag + 20 * Math.sin(row / (200 + 7 * tag))).toPrecision(5),
      ),
    ].join(),
  );
  const header = ["timestamp", "case", ...tags.map((tag) => `TAG_${tag}`)];
  await writeFile(file, `${[header.join(), ...lines].join("\n")}\n`);
  return file;
}
