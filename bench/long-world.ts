import { chmod, mkdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartError } from "../common/config.ts";
import { connect, type Knex } from "../common/database.ts";
import { startEmbeddedPostgres } from "../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../common/log.ts";
import { migrate } from "../migrations/run.ts";
import { streams } from "./world.ts";

/** The same streams in two databases: one has, of a fifth of them, the last quarter of the other's events. */
export interface Long {
  /** Of the owner role. */
  readonly fewUrl: string;
  readonly manyUrl: string;
  /** A client of the tenant with which the streams are shared. */
  readonly readerId: string;
  /** Those whose last events both have. */
  readonly streamIds: readonly string[];
  /** Behind the last event, in milliseconds. */
  readonly end: number;
  stop(): Promise<void>;
}

const few = { streams: 80, days: 175 };
const many = { streams: 400, days: 700 };

/** The events of streams, counted from 1, on days before the end. */
interface Part {
  readonly streams: readonly [first: number, last: number];
  readonly days: readonly [from: number, to: number];
}

const ofFew: readonly Part[] = [
  { streams: [1, few.streams], days: [few.days, 0] },
];
const ofManyBesides: readonly Part[] = [
  { streams: [1, few.streams], days: [many.days, few.days] },
  { streams: [few.streams + 1, many.streams], days: [many.days, 0] },
];

export const usualEvents = 100_800_000;

/** With their index, and the log of the transactions that write them. */
const bytesAnEvent = 100;
const bytesOfLog = 6 * 2 ** 30;

interface Making {
  /** In the larger of the two databases; a twentieth of them is in the other. */
  readonly events: number;
  /** Whether both are left where they are, for the next time. */
  readonly isKept: boolean;
  readonly progress: (doing: string) => void;
}

/** What was kept is taken again; what was interrupted while it was made is made anew. */
export async function startLong(making: Making): Promise<Long> {
  const { events, isKept } = making;
  const home = join(tmpdir(), `tributary-bench-long-${events}`);
  await mkdir(home, { recursive: true });
  // Run as root, the server has an account of its own, which must be able to enter.
  await chmod(home, 0o755);
  const postgres = await startEmbeddedPostgres({
    directory: join(home, "postgres"),
    log: createLogger("bench-long", "error"),
    durable: false,
    maxConnections: 50,
  });
  const stop = async () => {
    await postgres.stop();
    if (!isKept) await rm(home, { recursive: true, force: true });
  };
  try {
    return { ...(await make(postgres.url, home, making)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function make(
  fewUrl: string,
  home: string,
  { events, progress }: Making,
): Promise<Omit<Long, "stop">> {
  const manyUrl = inDatabase(fewUrl, "many");
  const perDay = Math.max(1, Math.round(events / many.streams / many.days));
  const stepMs = dayMs / perDay;
  const fill = (db: Knex, parts: readonly Part[], end: string) =>
    fillIn(db, parts, { end, stepMs, progress });
  await migrate(fewUrl);
  const world = await using(fewUrl, async (db) => {
    if ((await filledIn(db)) < few.streams) {
      await assertRoom(home, events * bytesAnEvent + bytesOfLog);
      await db.raw("truncate stream.events, stream.latest");
      await seed(db);
      await fill(db, ofFew, new Date(midnight()).toISOString());
    }
    return readIn(db, stepMs);
  });
  const isMade = await using(inDatabase(fewUrl, "postgres"), async (db) => {
    const { rows } = await db.raw<{ rows: object[] }>(
      "select from pg_database where datname = 'many'",
    );
    if (rows.length > 0 && (await using(manyUrl, filledIn)) === many.streams)
      return true;
    await db.raw("drop database if exists many");
    // With the same ids, and the same events where both have some.
    await db.raw("create database many template ??", [nameOf(fewUrl)]);
    return false;
  });
  await migrate(manyUrl);
  if (!isMade)
    await using(manyUrl, (db) =>
      fill(db, ofManyBesides, new Date(world.end).toISOString()),
    );
  return { fewUrl, manyUrl, ...world };
}

const dayMs = 86_400_000;

const midnight = () => Math.floor(Date.now() / dayMs) * dayMs;

const nameOf = (url: string) => new URL(url).pathname.slice(1);

function inDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = name;
  return other.href;
}

async function using<T>(
  url: string,
  work: (db: Knex) => Promise<T>,
): Promise<T> {
  const db = connect(url, {
    name: "bench-long",
    poolSize: 1,
    statementTimeoutMs: 0,
  });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

async function assertRoom(home: string, wantedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(home);
  const freeBytes = bavail * bsize;
  if (freeBytes < wantedBytes)
    throw new StartError(
      `${home} has ${gibibytes(freeBytes)} GiB of room, and ${gibibytes(wantedBytes)} GiB are needed. Free some, set TMPDIR to another place, or take fewer --events.`,
    );
}

const gibibytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

/** How many streams have all their events; they are told last. */
async function filledIn(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: [{ count: number }] }>(
    "select count(*) from stream.latest",
  );
  return rows[0].count;
}

async function seed(db: Knex): Promise<void> {
  const { rows } = await db.raw<{ rows: object[] }>(
    "select from tenant.tenants",
  );
  if (rows.length > 0) return;
  await db.transaction(async (transaction) => {
    for (const statement of beginning) await transaction.raw(statement);
  });
}

/** Streams of one tenant, all shared with another, whose client reads them. */
const beginning = [
  `insert into tenant.tenants (name) values ('Plant')`,
  ...streams(many.streams),
  `insert into tenant.tenants (name) values ('Vendor')`,
  `insert into tenant.entitlements (tenant_id, entitlement) select id, 'COMMUNITIES' from tenant.tenants`,
  `insert into tenant.identities (tenant_id, kind, name)
   select id, 'CLIENT', 'Reader' from tenant.tenants where name = 'Vendor'`,
  `insert into community.communities (name, owner_tenant_id)
   select 'Plants', id from tenant.tenants where name = 'Plant'`,
  `insert into community.memberships (community_id, tenant_id)
   select c.id, t.id from community.communities c cross join tenant.tenants t order by t.id`,
  `insert into community.members (membership_id, tenant_id, identity_id, role)
   select m.id, m.tenant_id, i.id, 'MEMBER'
   from community.memberships m join tenant.identities i on i.tenant_id = m.tenant_id`,
  `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
   select s.tenant_id, s.id, m.id, gen_random_uuid(), m.community_id, s.uuid, s.name
   from stream.streams s join community.memberships m on m.tenant_id = s.tenant_id`,
];

interface Filling {
  readonly end: string;
  readonly stepMs: number;
  readonly progress: (doing: string) => void;
}

const daysAtOnce = 5;

/** A few days after the other; in the end `latest` tells of all, and nothing is left for a vacuum to do. */
async function fillIn(
  db: Knex,
  parts: readonly Part[],
  { end, stepMs, progress }: Filling,
): Promise<void> {
  for (const [part, { streams, days }] of parts.entries())
    for (let day = days[0]; day > days[1]; day -= daysAtOnce) {
      const share = (days[0] - day) / (days[0] - days[1]);
      progress(
        `making events, part ${part + 1} of ${parts.length}: ${Math.round(100 * share)} %`,
      );
      await db.raw(eventsOfDays, {
        ...{ end, stepMs, day, perDay: dayMs / stepMs, days: daysAtOnce },
        ...{ first: streams[0], count: streams[1] - streams[0] + 1 },
      });
    }
  progress("telling where events begin and end");
  for (const { streams, days } of parts)
    await db.raw(latestOfStreams, {
      ...{ end, stepMs, day: days[0] },
      ...{ first: streams[0], last: streams[1] },
    });
  progress("vacuuming");
  await db.raw("vacuum (analyze)");
}

/** A day of each stream together, as collectors send them. */
const eventsOfDays = `
  insert into stream.events (tenant_id, stream_id, ts, value)
  select s.tenant_id, s.ids[:first::int + e / :perDay::int % :count::int],
         :end::timestamptz - make_interval(days => :day::int - e / :perDay::int / :count::int)
           + make_interval(secs => e % :perDay::int * :stepMs::float8 / 1000),
         round((50 + 20 * sin(e * 0.01) + 3 * random())::numeric, 2)::float8
  from (select tenant_id, array_agg(id order by id) as ids from stream.streams group by 1) s
  cross join generate_series(0, :days::int * :count::int * :perDay::int - 1) e`;

const latestOfStreams = `
  insert into stream.latest as l (tenant_id, stream_id, first_ts, ts, value)
  select e.tenant_id, e.stream_id, :end::timestamptz - make_interval(days => :day::int), e.ts, e.value
  from (select tenant_id, id, row_number() over (order by id) as place from stream.streams) s
  join stream.events e on e.tenant_id = s.tenant_id and e.stream_id = s.id
  where s.place between :first::int and :last::int
    and e.ts = :end::timestamptz - make_interval(secs => :stepMs::float8 / 1000)
  on conflict (tenant_id, stream_id) do update set first_ts = excluded.first_ts`;

async function readIn(
  db: Knex,
  stepMs: number,
): Promise<Pick<Long, "readerId" | "streamIds" | "end">> {
  const { rows } = await db.raw<{
    rows: [{ readerId: string; streamIds: string[]; last: string }];
  }>(
    `select (select uuid from tenant.identities) as "readerId",
            array_agg(s.uuid::text order by s.id) as "streamIds", max(l.ts) as last
     from stream.latest l join stream.streams s on s.tenant_id = l.tenant_id and s.id = l.stream_id`,
  );
  const [{ last, ...world }] = rows;
  return { ...world, end: new Date(last).getTime() + stepMs };
}
