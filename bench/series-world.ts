import { connect, type Knex } from "../common/database.ts";
import { vacuum, type World } from "./world.ts";

interface StreamKey {
  readonly id: string;
  readonly tenantId: number;
  readonly streamId: number;
}

/** What one reader is shown by other tenants. */
export interface Series {
  readonly readerId: string;
  /** All that it may read. */
  readonly all: readonly StreamKey[];
  /** A hundred with an event a minute for ten days. */
  readonly minutely: readonly StreamKey[];
  /** One with `secondCount` events, one a second. */
  readonly secondly: StreamKey;
  readonly secondCount: number;
  /** When these begin, in milliseconds. */
  readonly start: number;
}

const secondCount = 1_000_000;
const minuteCount = 10 * 24 * 60;

const seeded = new WeakMap<World, Promise<Series>>();

/** Fills streams that the world's first reader is shown with more events, once in a run. */
export function seedSeries(world: World): Promise<Series> {
  const series = seeded.get(world) ?? seed(world);
  seeded.set(world, series);
  return series;
}

async function seed({ url, readers }: World): Promise<Series> {
  const readerId = readers[0]?.identityId;
  if (!readerId) throw new Error("The world has no reader.");
  const db = connect(url, { name: "bench-seed", poolSize: 1 });
  try {
    const all = await sharedWith(readerId, db);
    const minutely = all.slice(0, 100);
    const secondly = all[100];
    if (!secondly) throw new Error("The reader is shown too few streams.");
    const start = Date.now() - 12 * 24 * 3_600_000;
    await fill(minutely, minuteCount, 60, start, db);
    await fill([secondly], secondCount, 1, start, db);
    await vacuum(db);
    return { readerId, all, minutely, secondly, secondCount, start };
  } finally {
    await db.destroy();
  }
}

async function sharedWith(readerId: string, db: Knex): Promise<StreamKey[]> {
  const { rows } = await db.raw<{ rows: StreamKey[] }>(
    `select s.uuid as id, s.tenant_id as "tenantId", s.id as "streamId"
     from stream.all_visible(?) v
     join stream.streams s on s.tenant_id = v.tenant_id and s.id = v.id
     where not v.is_own and s.id % 100 <> 1
     order by s.tenant_id, s.id`,
    [readerId],
  );
  return rows;
}

async function fill(
  streams: readonly StreamKey[],
  count: number,
  everySeconds: number,
  start: number,
  db: Knex,
): Promise<void> {
  const keys = [
    streams.map(({ tenantId }) => tenantId),
    streams.map(({ streamId }) => streamId),
  ];
  const these =
    "(tenant_id, stream_id) in (select * from unnest(?::int[], ?::int[]))";
  await db.raw(`delete from stream.events where ${these}`, keys);
  await db.raw(
    `insert into stream.events (tenant_id, stream_id, ts, value)
     select s.tenant_id, s.id, ?::timestamptz + make_interval(secs => ? * e),
            round((50 + 20 * sin(s.id + e * 0.01) + 3 * random())::numeric, 2)
     from unnest(?::int[], ?::int[]) s (tenant_id, id) cross join generate_series(0, ?::int - 1) e`,
    [new Date(start).toISOString(), everySeconds, ...keys, count],
  );
  await db.raw(
    `update stream.latest l set first_ts = e.first_ts, ts = e.ts
     from (select tenant_id, stream_id, min(ts) as first_ts, max(ts) as ts from stream.events where ${these} group by 1, 2) e
     where l.tenant_id = e.tenant_id and l.stream_id = e.stream_id`,
    keys,
  );
}
