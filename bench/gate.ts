import { execute, parse } from "graphql";
import pg from "pg";
import { connect, connectionSettings, type Knex } from "../common/database.ts";
import { anonymous } from "../common/viewer.ts";
import { roleUrl } from "../migrations/run.ts";
import { createContext } from "../subgraphs/stream/context.ts";
import { schema } from "../subgraphs/stream/schema.ts";
import { longRead, windowOf } from "./events.ts";
import type { Figure } from "./figure.ts";
import type { LongStream } from "./world.ts";
import { unrecorded } from "../subgraphs/stream/usage/recorder-store.ts";

const sliceMs = 1_500;

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

export const gate: Figure = {
  name: "gate",
  title: "The gate before 10,000 events",
  about: `The statement by which the stream subgraph reads 10,000 events of a shared stream: with the gate, and, which is 1,
with the stream's own row written out in the gate's place. Both are prepared, and sent over one connection as the
subgraph's role. CPU is PostgreSQL's alone, for what Node does with the answer is the same.`,
  unit: "read",
  ratio: "CPU",
  rounds: 9,
  async contenders({ world, onEnd }) {
    const url = roleUrl(world.url, "stream");
    const gated = await statements(url, world.longStreams.slice(0, 10));
    const ungated = gated.map(({ statement, stream }, i) => ({
      ...statement,
      name: `ungated ${i}`,
      text: withoutGate(statement.text, stream),
    }));
    const client = new pg.Client(connectionSettings(url, "bench-gate"));
    await client.connect();
    onEnd(() => client.end());

    const read = (statement: Statement) =>
      client.query({ ...statement, rowMode: "array" });
    for (const [i, { statement }] of gated.entries()) {
      const { rows } = await read(statement);
      const other = await read(ungated[i] as Statement);
      if (eventsIn(rows) !== eventsIn(other.rows))
        throw new Error("Without the gate the statement answers otherwise.");
    }
    const readOn = (all: readonly Statement[]) => async () => {
      const deadline = performance.now() + sliceMs;
      let done = 0;
      for (; performance.now() < deadline; done += 1)
        await read(all[done % all.length] as Statement);
      return done;
    };
    const contenders = [
      { name: "without the gate", run: readOn(ungated) },
      {
        name: "with the gate",
        run: readOn(gated.map(({ statement }) => statement)),
        goal: 1.1,
      },
    ].map((contender) => ({ ...contender, processes: [] }));
    for (const { run } of contenders) await run();
    return contenders;
  },
};

/** Without how the viewer gets at them, which the gate alone knows. */
const eventsIn = (rows: readonly unknown[][]): string =>
  JSON.stringify(
    rows.map(([place, rights, , ...events]) => [place, rights, events]),
  );

/** As the store sends them, one a stream. */
async function statements(url: string, streams: readonly LongStream[]) {
  const db = connect(url, { name: "bench-gate", poolSize: 1 });
  try {
    const all: { statement: Statement; stream: LongStream }[] = [];
    for (const stream of streams)
      all.push({ statement: await statementOf(db, stream), stream });
    return all;
  } finally {
    await db.destroy();
  }
}

async function statementOf(db: Knex, stream: LongStream): Promise<Statement> {
  const sent: { sql: string; bindings: unknown[] }[] = [];
  db.on("query", (query: (typeof sent)[number]) => sent.push(query));
  const { errors } = await execute({
    schema,
    document: parse(longRead),
    variableValues: windowOf(stream, 0),
    contextValue: createContext(
      db,
      unrecorded,
    )({
      viewer: { ...anonymous, identityId: stream.readerId },
      requestId: "bench",
    }),
  });
  db.removeAllListeners("query");
  const [read, ...more] = sent.filter(({ sql }) =>
    sql.includes("stream.events"),
  );
  if (errors || !read || more.length > 0)
    throw new Error("Events are not read by one statement.", { cause: errors });
  return { name: "gated", text: read.sql, values: read.bindings };
}

function withoutGate(
  text: string,
  { id, tenantId, streamId }: LongStream,
): string {
  const row = `(select 1 as place, ${tenantId} as tenant_id, ${streamId} as id, uuid '${id}' as uuid, true as is_own, 1 as rights,
    null::uuid as share_id, null::int as community_id, null::interval as retention where $2::uuid is not null and $3::uuid[] is not null)`;
  const ungated = text.replace("stream.visible($2, $3::uuid[])", row);
  if (ungated === text) throw new Error("The statement has no gate.");
  return ungated;
}
