import {
  Field,
  Float64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  TimestampMillisecond,
} from "apache-arrow";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
its streams. \`POST /ingest\` takes the same events through the gateway in one process, as a
CSV file or an Arrow stream; the same file again, whose events are all there, is compared with its first time.
\`writeEvents\` goes through the graph in one process: calls of 5,000 events,
${batch.events} for each of ${batch.streams} streams, one call after the other. Where \`TRIBUTARY_TEST_DATA\` does not name the real file,
one of the same shape is made.`,
  unit: "1,000 events",
  ratio: "SPEED",
  rounds: 5,
  contenders: async (bench) => {
    const file = await processFile(bench);
    const plant = await startPlant("bench_ingest", bench);
    const csv = await csvFor(plant, file);
    const arrow = await arrowFor(plant, file);
    return [
      await bareCopy(file, bench),
      importCommand(file, bench),
      fresh("POST /ingest, CSV", csv, plant, bench),
      fresh("POST /ingest, Arrow", arrow, plant, bench),
      sentAgain("the same CSV again", csv, plant, bench),
      sentAgain("the same Arrow again", arrow, plant, bench),
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

/** A plant whose events are sent through the graph, in one process. */
interface RunningPlant extends Plant {
  readonly server: string;
  readonly processes: readonly number[];
}

async function startPlant(name: string, bench: Bench): Promise<RunningPlant> {
  const plant = await seedPlant(await bench.database.clone(name));
  const { url: server, processes } = await startInOneProcess(bench, plant.url);
  return { ...plant, server, processes };
}

interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

function fresh(
  name: string,
  body: Body,
  plant: RunningPlant,
  bench: Bench,
): Contender {
  return {
    name,
    processes: plant.processes,
    goal: 0.4,
    prepare: async () => {
      const client = new pg.Client(connectionSettings(plant.url, "bench"));
      await client.connect();
      await client.query("truncate stream.events, stream.latest");
      await client.end();
    },
    run: () => sendTo(plant, body, bench),
  };
}

const sentAgain = (
  name: string,
  body: Body,
  plant: RunningPlant,
  bench: Bench,
): Contender => ({
  name,
  processes: plant.processes,
  goal: 1.5,
  base: fresh(name, body, plant, bench),
  run: () => sendTo(plant, body, bench),
});

async function sendTo(
  { server, identityId }: RunningPlant,
  { type, bytes }: Body,
  { tokens }: Bench,
): Promise<number> {
  const response = await fetch(`${server}/ingest`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await tokens.sign(identityId)}`,
      "content-type": type,
    },
    body: Uint8Array.from(bytes),
  });
  const answer = await response.text();
  if (!answer.startsWith(`{"eventCount":${shape.rows * shape.tags},`))
    throw new Error(answer);
  return thousands;
}

/** The file's columns, without those that are no signal, as streams of the plant. */
async function columnsFor(
  { streamIds }: Plant,
  file: string,
): Promise<{ names: string[]; rows: string[][] }> {
  const [header = [], ...rows] = (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const places = [...header.keys()].filter(
    (i) => !shape.ignored.includes(header[i] ?? ""),
  );
  return {
    names: ["timestamp", ...streamIds.slice(0, places.length - 1)],
    rows: rows.map((row) => places.map((place) => row[place] ?? "")),
  };
}

async function csvFor(plant: Plant, file: string): Promise<Body> {
  const { names, rows } = await columnsFor(plant, file);
  const text = [names, ...rows].map((row) => `${row.join()}\n`).join("");
  return { type: "text/csv", bytes: Buffer.from(text) };
}

const rowsOfRecordBatch = 2_000;

async function arrowFor(plant: Plant, file: string): Promise<Body> {
  const { names, rows } = await columnsFor(plant, file);
  const type = new Struct(
    names.map(
      (name, i) =>
        new Field(
          name,
          i === 0 ? new TimestampMillisecond("UTC") : new Float64(),
        ),
    ),
  );
  const schema = new Schema(type.children);
  const batches: RecordBatch[] = [];
  for (let from = 0; from < rows.length; from += rowsOfRecordBatch) {
    const some = rows.slice(from, from + rowsOfRecordBatch);
    const children = names.map((_, i) =>
      i === 0
        ? makeData({
            type: new TimestampMillisecond("UTC"),
            data: BigInt64Array.from(some, (row) =>
              BigInt(Date.parse(row[0] ?? "")),
            ),
          })
        : makeData({
            type: new Float64(),
            data: Float64Array.from(some, (row) => Number(row[i])),
          }),
    );
    batches.push(
      new RecordBatch(
        schema,
        makeData({ type, length: some.length, children }),
      ),
    );
  }
  return {
    type: "application/vnd.apache.arrow.stream",
    bytes: Buffer.from(tableToIPC(new Table(batches), "stream")),
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
    goal: 0.25,
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
