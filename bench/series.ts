import { parse } from "graphql";
import pg from "pg";
import { connect, connectionSettings, type Knex } from "../common/database.ts";
import { roleUrl } from "../migrations/run.ts";
import type { Figure } from "./figure.ts";
import { answerInProcess } from "./in-process.ts";
import type { Contender } from "./measure.ts";
import { seedSeries, type Series } from "./series-world.ts";

const sliceMs = 2_000;
const hourMs = 3_600_000;

/** A read of several streams by the graph, and the statement that one would write for it. */
interface Comparison {
  readonly name: string;
  readonly goal: number;
  readonly streams: (series: Series) => Series["minutely"];
  /** Of each stream, or a root field that takes the ids of all. */
  readonly fields: string | { readonly root: string };
  /** Of the n-th read, for both. */
  readonly variables: (n: number, series: Series) => Record<string, unknown>;
  /** Binds the streams' tenants and rows, and the values of the variables. */
  readonly bare: string;
}

const ofStreams =
  "unnest($1::int[], $2::int[]) with ordinality s (tenant_id, id, place)";

const lastOfThousand = {
  goal: 1.5,
  streams: ({ all }: Series) => all.slice(0, 1_000),
  variables: () => ({}),
  bare: `select l.ts, l.value from ${ofStreams} join stream.latest l on l.tenant_id = s.tenant_id and l.stream_id = s.id
         order by s.place`,
};

const comparisons: readonly Comparison[] = [
  {
    ...lastOfThousand,
    name: "`last` of 1,000 streams",
    fields: "last { timestamp value }",
  },
  {
    ...lastOfThousand,
    name: "`streamLast` of 1,000 streams",
    fields: { root: "streamLast(ids: $ids) { timestamps values }" },
  },
  {
    name: "`summaries` of 100 streams, a day by hours",
    goal: 1.3,
    streams: ({ minutely }) => minutely,
    fields:
      "summaries(window: { from: $from, to: $to }, count: 24) { timestamps columns { values } }",
    variables: (n, { start }) => window(start, (n % 200) * hourMs, 24 * hourMs),
    bare: `select array_to_json(array_agg(r.ts))::text, array_to_json(array_agg(r.count))::text,
                  array_to_json(array_agg(r.least))::text, array_to_json(array_agg(r.most))::text,
                  array_to_json(array_agg(r.mean))::text
           from (
             select s.place, date_bin('1 hour', e.ts, $3::timestamptz) as ts, count(*), min(e.value) as least,
                    max(e.value) as most, avg(e.value) as mean
             from ${ofStreams}
             join stream.events e on e.tenant_id = s.tenant_id and e.stream_id = s.id
             where e.ts >= $3::timestamptz and e.ts < $4::timestamptz
             group by 1, 2 order by 1, 2
           ) r group by r.place`,
  },
  {
    name: "`plot` of 1 M events by 1,000 pixels",
    goal: 2,
    streams: ({ secondly }) => [secondly],
    fields:
      "plot(window: { from: $from, to: $to }, width: 1000) { timestamps values }",
    variables: (n, { start, secondCount }) =>
      window(start, (n % 100) * 1_000, (secondCount - 100) * 1_000),
    bare: `select array_to_json(array_agg(r.pixel))::text, array_to_json(array_agg(r.least))::text,
                  array_to_json(array_agg(r.most))::text
           from (
             select width_bucket(extract(epoch from e.ts)::float8, extract(epoch from $3::timestamptz)::float8,
                                 extract(epoch from $4::timestamptz)::float8, 1000) as pixel,
                    min(e.value) as least, max(e.value) as most
             from ${ofStreams}
             join stream.events e on e.tenant_id = s.tenant_id and e.stream_id = s.id
             where e.ts >= $3::timestamptz and e.ts <= $4::timestamptz
             group by 1 order by 1
           ) r`,
  },
  {
    name: "`interpolated` of 10 streams at 200 times",
    goal: 1.5,
    streams: ({ minutely }) => minutely.slice(0, 10),
    fields: "interpolated(timestamps: $timestamps) { timestamps values }",
    variables: (n, { start }) => ({
      timestamps: Array.from({ length: 200 }, (_, i) =>
        new Date(start + ((n % 50) + i) * hourMs + 12_345).toISOString(),
      ),
    }),
    bare: `select array_to_json(array_agg(q.at order by q.at))::text,
                  array_to_json(array_agg(case when b.ts = a.ts then a.value else a.value + (b.value - a.value)
                    * (extract(epoch from q.at - a.ts) / extract(epoch from b.ts - a.ts))::float8 end order by q.at))::text
           from ${ofStreams}
           cross join unnest($3::timestamptz[]) q (at)
           left join lateral (
             select e.ts, e.value from stream.events e
             where e.tenant_id = s.tenant_id and e.stream_id = s.id and e.ts <= q.at order by e.ts desc limit 1) a on true
           left join lateral (
             select e.ts, e.value from stream.events e
             where e.tenant_id = s.tenant_id and e.stream_id = s.id and e.ts >= q.at order by e.ts limit 1) b on true
           group by s.place`,
  },
];

const window = (start: number, skippedMs: number, lengthMs: number) => ({
  from: new Date(start + skippedMs).toISOString(),
  to: new Date(start + skippedMs + lengthMs).toISOString(),
});

export const series: Figure = {
  name: "series",
  title: "Reading series",
  about: `Streams that another tenant shares with the reader, read by the stream subgraph in the asking process, up to the text of
the answer. 1 is for each the statement that one would write for the same numbers, which asks nobody, prepared, sent by
pg with \`rowMode: "array"\` and made a text. Windows change from read to read; the CPU is that of Node and PostgreSQL.`,
  unit: "read",
  ratio: "CPU",
  rounds: 5,
  async contenders(bench) {
    const world = await seedSeries(bench.world);
    const wanted = comparisons.filter(({ name }) => bench.isWanted(name));
    const url = roleUrl(bench.world.url, "stream");
    const graph = connect(url, { name: "bench-series", poolSize: 1 });
    bench.onEnd(() => graph.destroy());
    const bare = new pg.Client(connectionSettings(url, "bench-series"));
    await bare.connect();
    bench.onEnd(() => bare.end());
    return Promise.all(
      wanted.map((comparison) => contender(comparison, world, graph, bare)),
    );
  },
  async note({ world: { url } }) {
    const db = connect(url, { name: "bench-series", poolSize: 1 });
    try {
      const { rows } = await db.raw<{ rows: [Size] }>(
        `select round(sum(pg_relation_size(relid)) / max(e.count), 1)::float8 as heap,
                round(sum(pg_indexes_size(relid)) / max(e.count), 1)::float8 as index
         from pg_partition_tree('stream.events'), (select count(*) from stream.events) e
         where isleaf`,
      );
      const [{ heap, index }] = rows;
      return `An event takes ${heap} bytes of heap and ${index} of its index.`;
    } finally {
      await db.destroy();
    }
  },
};

/** Bytes an event. */
interface Size {
  readonly heap: number;
  readonly index: number;
}

async function contender(
  { name, goal, streams, fields, variables, bare }: Comparison,
  world: Series,
  db: Knex,
  client: pg.Client,
): Promise<Contender> {
  const read = streams(world);
  const declared = Object.entries(variables(0, world)).map(([key, value]) =>
    Array.isArray(value) ? `, $${key}: [DateTime!]!` : `, $${key}: DateTime!`,
  );
  const ids = read.map(({ id }) => id);
  const of = ids.map((id) => ({ __typename: "Stream", id }));
  const [named, field] =
    typeof fields === "string"
      ? [
          "$of: [_Any!]!",
          `_entities(representations: $of) { ... on Stream { ${fields} } }`,
        ]
      : ["$ids: [ID!]!", fields.root];
  const document = parse(`query (${named}${declared.join("")}) { ${field} }`);
  const byGraph = (n: number) =>
    answerInProcess(db, world.readerId, document, {
      ...{ of, ids },
      ...variables(n, world),
    });
  const keys = [
    read.map(({ tenantId }) => tenantId),
    read.map(({ streamId }) => streamId),
  ];
  const byHand = async (n: number) => {
    const { rows } = await client.query<unknown[]>({
      name,
      text: bare,
      values: [...keys, ...Object.values(variables(n, world))],
      rowMode: "array",
    });
    return JSON.stringify(rows);
  };
  return {
    name,
    goal,
    processes: [process.pid],
    run: readOn(byGraph),
    base: { name: "by hand", processes: [process.pid], run: readOn(byHand) },
  };
}

const readOn = (read: (n: number) => Promise<string>) => {
  let done = 0;
  return async () => {
    const before = done;
    const deadline = performance.now() + sliceMs;
    do await read(done++);
    while (performance.now() < deadline);
    return done - before;
  };
};
