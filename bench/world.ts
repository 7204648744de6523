import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Knex } from "../common/database.ts";
import { startEmbeddedPostgres } from "../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../common/log.ts";
import { migrate } from "../migrations/run.ts";
import { parentOf } from "./cpu.ts";

/** A PostgreSQL of the benchmarks' own, as the default installation has it except that a power cut may lose it. */
export interface Database {
  readonly version: string;
  readonly postmaster: number;
  /** Copies the migrated, empty database, and answers the owner's URL of the copy. */
  clone(name: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startDatabase(): Promise<Database> {
  const home = await mkdtemp(join(tmpdir(), "tributary-bench-"));
  // Run as root, the server has an account of its own, which must be able to enter.
  await chmod(home, 0o755);
  const postgres = await startEmbeddedPostgres({
    directory: join(home, "postgres"),
    log: createLogger("bench-database", "error"),
    durable: false,
    maxConnections: 400,
  });
  await migrate(postgres.url);
  const url = new URL(postgres.url);
  const template = url.pathname.slice(1);
  url.pathname = "postgres";
  const db = connect(url.href, { name: "bench", poolSize: 1 });
  const { rows } = await db.raw<{
    rows: [{ version: string; backend: number }];
  }>(
    "select current_setting('server_version') as version, pg_backend_pid() as backend",
  );
  return {
    version: rows[0].version,
    postmaster: parentOf(rows[0].backend),
    async clone(name) {
      await db.raw("drop database if exists ??", [name]);
      await db.raw("create database ?? template ??", [name, template]);
      const copy = new URL(postgres.url);
      copy.pathname = name;
      return copy.href;
    },
    async stop() {
      await db.destroy();
      await postgres.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A client program of one tenant, and what it can ask for. */
export interface Reader {
  readonly identityId: string;
  readonly communityIds: readonly string[];
}

/** A stream of `eventsOfLong` events that another tenant shares with this reader; one event a step from `from`. */
export interface LongStream {
  readonly id: string;
  readonly tenantId: number;
  readonly streamId: number;
  readonly readerId: string;
  readonly from: Date;
}

export interface World {
  /** Of the owner role. */
  readonly url: string;
  readonly readers: readonly Reader[];
  readonly longStreams: readonly LongStream[];
}

export const eventsOfLong = 10_300;
export const stepMs = 4 * 60_000;

/**
 * 20 tenants with a reading client each; 50 communities of six tenants, in each of which a tenant shares a sixth of its
 * streams; 5,000 streams, of which 50 have 10,300 events and the others 300: 2 M events within a month.
 */
export async function seedWorld(url: string): Promise<World> {
  const db = connect(url, { name: "bench-seed", poolSize: 1 });
  try {
    for (const statement of worldStatements) await db.raw(statement);
    await vacuum(db);
    return {
      url,
      readers: await readers(db),
      longStreams: await longStreams(db),
    };
  } finally {
    await db.destroy();
  }
}

/**
 * As autovacuum does it, which never comes to what has no rows. PostgreSQL takes a table that it knows to be empty for
 * free: with months of them it would rather sort all events of a window than go through their indexes for a page.
 */
export async function vacuum(db: Knex): Promise<void> {
  const { rows } = await db.raw<{ rows: { name: string }[] }>(
    `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables where pg_relation_size(relid) > 0`,
  );
  await db.raw(`vacuum (analyze) ${rows.map(({ name }) => name).join(", ")}`);
}

/** Of every tenant: its access list, namespace and type, and this many streams. */
export const streams = (perTenant: number) => [
  `insert into stream.access_lists (tenant_id, content_hash) select id, 'bench' from tenant.tenants`,
  `insert into stream.access_entries (tenant_id, list_id, position, effect, rights, role)
   select l.tenant_id, l.id, e.position, 'ALLOW', e.rights, e.role from stream.access_lists l
   cross join (values (0, 15, 'ACCOUNT_ADMINISTRATOR'), (1, 17, 'DATA_STEWARD'), (2, 7, 'CONTRIBUTOR'), (3, 1, 'VIEWER'))
     e (position, rights, role)`,
  `insert into stream.namespaces (tenant_id, name, region, access_list_id)
   select tenant_id, 'Plant', 'eu', id from stream.access_lists`,
  `insert into stream.stream_types (tenant_id, namespace_id, name)
   select tenant_id, id, 'Measurement' from stream.namespaces`,
  `insert into stream.properties (tenant_id, type_id, position, name, kind, uom, interpolation)
   select tenant_id, id, 0, 'value', 'FLOAT', 'bar', 'CONTINUOUS' from stream.stream_types`,
  `insert into stream.streams (tenant_id, namespace_id, type_id, external_id, name, access_list_id)
   select n.tenant_id, n.id, t.id, 'S' || to_char(s, 'FM000'), 'Signal ' || to_char(s, 'FM000') || ' of ' || n.tenant_id,
          n.access_list_id
   from stream.namespaces n
   join stream.stream_types t on t.tenant_id = n.tenant_id
   cross join generate_series(1, ${perTenant}) s`,
];

/**
 * For the session: what is not on disk yet a vacuum does not mark as visible to all, and an index would not do without
 * its table, as it does in a database that has been used for a while.
 */
export const waitingForDisk = `set synchronous_commit to on`;

const worldStatements = [
  waitingForDisk,
  `insert into tenant.tenants (name) select 'Tenant ' || to_char(n, 'FM00') from generate_series(1, 20) n`,
  `insert into tenant.entitlements (tenant_id, entitlement) select id, 'COMMUNITIES' from tenant.tenants`,
  `insert into tenant.identities (tenant_id, kind, name)
   select t.id, k.kind, k.name from tenant.tenants t
   cross join (values ('CLIENT', 'Reader'), ('USER', 'Administrator'), ('USER', 'Steward')) k (kind, name)`,
  `insert into tenant.identity_roles (tenant_id, identity_id, role)
   select i.tenant_id, i.id, r.role from tenant.identities i
   join (values ('Reader', 'VIEWER'), ('Administrator', 'ACCOUNT_ADMINISTRATOR'), ('Steward', 'DATA_STEWARD')) r (name, role)
     on r.name = i.name`,
  `insert into community.communities (name, owner_tenant_id)
   select 'Community ' || to_char(n, 'FM00'), 1 + n % 20 from generate_series(1, 50) n`,
  `insert into community.memberships (community_id, tenant_id)
   select c.id, 1 + (c.id + o.further) % 20 from community.communities c
   cross join (values (0), (1), (3), (7), (12), (16)) o (further)`,
  `insert into community.members (membership_id, tenant_id, identity_id, role)
   select m.id, m.tenant_id, i.id,
          case when i.name = 'Reader' then 'MEMBER' when c.owner_tenant_id = m.tenant_id then 'ADMINISTRATOR' else 'MODERATOR' end
   from community.memberships m
   join community.communities c on c.id = m.community_id
   join tenant.identities i on i.tenant_id = m.tenant_id and i.name <> 'Steward'`,
  ...streams(250),
  `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
   select s.tenant_id, s.id, m.id, i.uuid, m.community_id, s.uuid, s.name
   from stream.streams s
   join community.memberships m on m.tenant_id = s.tenant_id and (s.id + m.community_id) % 6 = 0
   join tenant.identities i on i.tenant_id = s.tenant_id and i.name = 'Steward'`,
  // Of each hundred streams one is long. Values as a sensor sends them: a wander, in two decimals.
  `insert into stream.events (tenant_id, stream_id, ts, value)
   select s.tenant_id, s.id, date_trunc('hour', now()) - make_interval(secs => ${stepMs / 1000} * l.every * e),
          round((50 + 20 * sin(s.id + e * 0.01) + 3 * random())::numeric, 2)
   from stream.streams s
   cross join lateral (
     select case when s.id % 100 = 1 then ${eventsOfLong} else 300 end, case when s.id % 100 = 1 then 1 else 30 end
   ) l (count, every)
   cross join lateral generate_series(l.count - 1, 0, -1) e`,
  `insert into stream.latest (tenant_id, stream_id, first_ts, ts, value)
   select e.tenant_id, e.stream_id, l.first_ts, l.ts, e.value
   from (select tenant_id, stream_id, min(ts) as first_ts, max(ts) as ts from stream.events group by 1, 2) l
   join stream.events e on e.tenant_id = l.tenant_id and e.stream_id = l.stream_id and e.ts = l.ts`,
];

const plantStatements = [
  `insert into tenant.tenants (name) values ('Plant')`,
  `insert into tenant.identities (tenant_id, kind, name) select id, 'USER', 'Contributor' from tenant.tenants`,
  `insert into tenant.identity_roles (tenant_id, identity_id, role) select tenant_id, id, 'CONTRIBUTOR' from tenant.identities`,
  `insert into tenant.users (tenant_id, identity_id, email)
   select tenant_id, id, 'contributor@plant.example' from tenant.identities`,
  ...streams(52),
];

async function readers(db: Knex): Promise<Reader[]> {
  const { rows } = await db.raw<{ rows: Reader[] }>(
    `select i.uuid as "identityId", array_agg(c.uuid::text order by c.id) as "communityIds"
     from tenant.identities i
     join community.memberships m on m.tenant_id = i.tenant_id
     join community.communities c on c.id = m.community_id
     where i.name = 'Reader'
     group by i.id
     order by i.id`,
  );
  return rows;
}

async function longStreams(db: Knex): Promise<LongStream[]> {
  const { rows } = await db.raw<{
    rows: (Omit<LongStream, "from"> & { from: string })[];
  }>(
    `select distinct on (s.id) s.uuid as id, s.tenant_id as "tenantId", s.id as "streamId", i.uuid as "readerId",
            l.first_ts as "from"
     from stream.streams s
     join stream.latest l on l.tenant_id = s.tenant_id and l.stream_id = s.id
     join stream.shares h on h.tenant_id = s.tenant_id and h.stream_id = s.id
     join community.memberships sharing on sharing.id = h.membership_id
     join community.memberships reading
       on reading.community_id = sharing.community_id and reading.tenant_id <> sharing.tenant_id
     join tenant.identities i on i.tenant_id = reading.tenant_id and i.name = 'Reader'
     where s.id % 100 = 1
     order by s.id, reading.id`,
  );
  return rows.map((row) => ({ ...row, from: new Date(row.from) }));
}

/** A tenant whose contributor writes into its streams. */
export interface Plant {
  /** Of the owner role. */
  readonly url: string;
  readonly identityId: string;
  readonly email: string;
  readonly streamIds: readonly string[];
}

/** One tenant with 52 streams and no events. */
export async function seedPlant(url: string): Promise<Plant> {
  const db = connect(url, { name: "bench-seed", poolSize: 1 });
  try {
    for (const statement of plantStatements) await db.raw(statement);
    await vacuum(db);
    const { rows } = await db.raw<{ rows: [Omit<Plant, "url">] }>(
      `select i.uuid as "identityId", u.email, array(select s.uuid::text from stream.streams s order by s.id) as "streamIds"
       from tenant.identities i join tenant.users u on u.identity_id = i.id`,
    );
    return { url, ...rows[0] };
  } finally {
    await db.destroy();
  }
}
