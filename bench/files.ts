import { once } from "node:events";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { Pool } from "undici";
import { connectionSettings } from "../common/database.ts";
import { windowOf, windows } from "./events.ts";
import type { Bench, Figure } from "./figure.ts";
import { startByHand, startInOneProcess, type Server } from "./graph.ts";
import { askedInTurn } from "./load.ts";
import type { Contender } from "./measure.ts";
import { mostWhile } from "./memory.ts";
import { seedSeries, type Series } from "./series-world.ts";

const sliceMs = 2_000;
const mebibyte = 2 ** 20;

/** What a process has over its memory before, however many files it has sent. */
const maxMemory = 64;

export const files: Figure = {
  name: "files",
  title: "Files",
  about: `\`GET /data/streams/<id>\` as Arrow of a shared stream, from one process. 10,000 events: window and stream change from read to
read; 1 is written by hand without a graph, as above, and answers JSON. A million events: 1 is a bare COPY in binary of
the same events, decoded into two typed arrays by the asking process, so that 1.67 is 0.6 of its rate. The memory of the
server is that of its process over what it had before, at most, while it sent four such files one after the other.`,
  unit: "file",
  ratio: "CPU",
  rounds: 5,
  async contenders(bench) {
    const series = await seedSeries(bench.world);
    const inNode = await startByHand(bench, "events-in-node");
    const server = await startInOneProcess(bench, bench.world.url);
    const pool = new Pool(server.url);
    bench.onEnd(() => pool.close());
    const [byHand] = await askedInTurn(
      [{ ...inNode, name: "10,000 events by hand, columns made in Node" }],
      await windows(bench),
      bench,
    );
    const million = await fileOfMillion(series, bench, pool);
    return [
      byHand as Contender,
      await filesOfThousands(server, bench, pool),
      {
        name: "1,000,000 events as Arrow",
        goal: 1.67,
        processes: server.processes,
        run: million,
        base: await bareCopy(series, bench),
      },
    ];
  },
  async note(bench) {
    const series = await seedSeries(bench.world);
    const server = await startInOneProcess(bench, bench.world.url);
    const pool = new Pool(server.url);
    bench.onEnd(() => pool.close());
    const million = await fileOfMillion(series, bench, pool);
    const [pid = 0] = server.processes;
    await (await filesOfThousands(server, bench, pool)).run();
    const { beforeBytes, overBytes } = await mostWhile(pid, async () => {
      for (let i = 0; i < 4; i += 1) await million();
    });
    const mebibytes = Math.round(overBytes / mebibyte);
    return `Memory for four files of 1,000,000 events: ${mebibytes} MiB over ${Math.round(beforeBytes / mebibyte)} MiB (goal ≤ ${maxMemory}${mebibytes > maxMemory ? ", missed" : ""}).`;
  },
};

async function filesOfThousands(
  { processes }: Server,
  { world, tokens }: Bench,
  pool: Pool,
): Promise<Contender> {
  const streams = await Promise.all(
    world.longStreams.map(async (stream) => ({
      stream,
      token: await tokens.sign(stream.readerId),
    })),
  );
  let asked = 0;
  const askOn = async (deadline: number) => {
    while (performance.now() < deadline) {
      const n = asked++;
      const { stream, token } = streams[
        n % streams.length
      ] as (typeof streams)[0];
      const { id, from, to } = windowOf(stream, n);
      await download(pool, id, token, new URLSearchParams({ from, to }));
    }
  };
  return {
    name: "10,000 events as Arrow",
    goal: 0.6,
    processes,
    run: async () => {
      const before = asked;
      const deadline = performance.now() + sliceMs;
      await Promise.all(Array.from({ length: 8 }, () => askOn(deadline)));
      return asked - before;
    },
  };
}

async function fileOfMillion(
  { readerId, secondly, secondCount }: Series,
  { tokens }: Bench,
  pool: Pool,
): Promise<() => Promise<number>> {
  const token = await tokens.sign(readerId);
  return async () => {
    const bytes = await download(pool, secondly.id, token, []);
    if (bytes < secondCount * 16)
      throw new Error(`The file has ${bytes} bytes.`);
    return 1;
  };
}

/** Answers how many bytes there were. */
async function download(
  pool: Pool,
  id: string,
  token: string,
  parameters: Iterable<[string, string]>,
): Promise<number> {
  const query = new URLSearchParams([["format", "arrow"], ...parameters]);
  const { statusCode, body } = await pool.request({
    path: `/data/streams/${id}?${query.toString()}`,
    method: "GET",
    headers: { authorization: `Bearer ${token}` },
  });
  if (statusCode !== 200)
    throw new Error(`Answered ${statusCode}: ${await body.text()}`);
  let bytes = 0;
  for await (const chunk of body) bytes += (chunk as Buffer).length;
  return bytes;
}

async function bareCopy(
  { secondly: { tenantId, streamId }, secondCount }: Series,
  { world, onEnd }: Bench,
): Promise<Contender> {
  const client = new pg.Client(connectionSettings(world.url, "bench-files"));
  await client.connect();
  onEnd(() => client.end());
  return {
    name: "bare COPY in binary, decoded",
    processes: [process.pid],
    run: async () => {
      const decoder = new CopyDecoder(secondCount);
      const copy = client.query(
        copyTo(
          `copy (select ts, value from stream.events where tenant_id = ${tenantId} and stream_id = ${streamId} order by ts)
           to stdout (format binary)`,
        ),
      );
      copy.on("data", (chunk: Buffer) => decoder.add(chunk));
      await once(copy, "end");
      if (decoder.count !== secondCount)
        throw new Error(`COPY has ${decoder.count} events.`);
      return 1;
    },
  };
}

const copyHeadBytes = 19;
/** Two fields, each with its length in front. */
const rowBytes = 2 + (4 + 8) + (4 + 8);

/** Times and numbers of rows without nulls. */
class CopyDecoder {
  count = 0;
  private rest: Buffer = Buffer.alloc(0);
  private skipped = copyHeadBytes;
  private readonly micros: BigInt64Array;
  private readonly values: Float64Array;

  constructor(length: number) {
    this.micros = new BigInt64Array(length);
    this.values = new Float64Array(length);
  }

  add(chunk: Buffer): void {
    const bytes =
      this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = Math.min(this.skipped, bytes.length);
    this.skipped -= at;
    for (; at + rowBytes <= bytes.length; at += rowBytes) {
      this.micros[this.count] = bytes.readBigInt64BE(at + 6);
      this.values[this.count] = bytes.readDoubleBE(at + 18);
      this.count += 1;
    }
    this.rest = bytes.subarray(at);
  }
}
