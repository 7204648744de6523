import { tmpdir } from "node:os";
import { join } from "node:path";
import { chmod, mkdir } from "node:fs/promises";
import { connect, type Knex } from "../common/database.ts";
import { startEmbeddedPostgres } from "../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../common/log.ts";
import { migrate } from "../migrations/run.ts";
import { parentOf } from "./cpu.ts";

/** A tenant with a million streams, a fifth of which it shares with another one. */
export interface Million {
  /** Of the owner role. */
  readonly url: string;
  /** A client of the tenant that has the streams, and one of the tenant with which some are shared. */
  readonly ownerId: string;
  readonly partnerId: string;
  readonly communityId: string;
  readonly postmaster: number;
  stop(): Promise<void>;
}

const million = 1_000_000;

/** A world is made once and kept here; that of a million streams takes some twenty minutes and 11 GB. */
const homeOf = (total: number) =>
  join(
    tmpdir(),
    `tributary-bench-${total === million ? "million" : `${total}-streams`}`,
  );

/** With fewer streams it is soon made, to try the benchmark itself. */
export async function startMillion(
  progress: (doing: string) => void,
  total = million,
): Promise<Million> {
  const home = homeOf(total);
  await mkdir(home, { recursive: true });
  // Run as root, the server has an account of its own, which must be able to enter.
  await chmod(home, 0o755);
  const { url, stop } = await startEmbeddedPostgres({
    directory: join(home, "postgres"),
    log: createLogger("bench-million", "error"),
    durable: false,
    maxConnections: 200,
  });
  const db = connect(url, {
    name: "bench-million",
    poolSize: 1,
    statementTimeoutMs: 0,
  });
  try {
    await migrate(url);
    await seed(db, total, progress);
    const { backend, ...ids } = await idsIn(db);
    return { url, stop, ...ids, postmaster: parentOf(backend) };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await db.destroy();
  }
}

async function seed(
  db: Knex,
  total: number,
  progress: (doing: string) => void,
): Promise<void> {
  const done = (await db("tenant.tenants").count("*").first()) as {
    count: number;
  };
  if (done.count === 0) await db.raw(beginning);
  for (let from = await streamsIn(db); from < total; from += atOnce) {
    progress(
      `making streams, ${Math.round((100 * from) / total)} % (once; they are kept)`,
    );
    await db.raw(streamsFrom, { from, to: Math.min(from + atOnce, total) - 1 });
  }
  const shared = (await db("stream.shares").count("*").first()) as {
    count: number;
  };
  if (shared.count === 0) {
    progress("sharing streams (once; they are kept)");
    await db.raw(sharing);
    await db.raw("vacuum (analyze)");
  }
}

const atOnce = 50_000;

async function streamsIn(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: [{ count: number }] }>(
    "select count(*) from stream.streams",
  );
  return rows[0].count;
}

async function idsIn(db: Knex) {
  const { rows } = await db.raw<{
    rows: [
      Pick<Million, "ownerId" | "partnerId" | "communityId"> & {
        backend: number;
      },
    ];
  }>(
    `select (select uuid from tenant.identities where id = 1) as "ownerId",
            (select uuid from tenant.identities where id = 2) as "partnerId",
            (select uuid from community.communities where id = 1) as "communityId",
            pg_backend_pid() as backend`,
  );
  return rows[0];
}

const beginning = `
  insert into tenant.tenants (name) values ('Northern Works'), ('Vendor');
  insert into tenant.entitlements (tenant_id, entitlement) select id, 'COMMUNITIES' from tenant.tenants;
  insert into tenant.identities (tenant_id, kind, name) select id, 'CLIENT', 'Reader' from tenant.tenants order by id;
  insert into tenant.identity_roles (tenant_id, identity_id, role) select tenant_id, id, 'VIEWER' from tenant.identities;
  insert into stream.access_lists (tenant_id, content_hash) values (1, 'bench');
  insert into stream.access_entries (tenant_id, list_id, position, effect, rights, role)
    select tenant_id, id, 0, 'ALLOW', 1, 'VIEWER' from stream.access_lists;
  insert into stream.namespaces (tenant_id, name, region, access_list_id)
    select tenant_id, 'Plant', 'eu', id from stream.access_lists;
  insert into stream.stream_types (tenant_id, namespace_id, name)
    select tenant_id, id, unnest(array['Pressure', 'Temperature', 'Flow rate', 'Level', 'Vibration']) from stream.namespaces`;

/** As plants name them: by site, line, machine and quantity, with a few words that are rare, and serial numbers. */
const streamsFrom = `
  insert into stream.streams (tenant_id, namespace_id, type_id, external_id, name, description, tags, metadata, access_list_id)
  select t.tenant_id, t.namespace_id, t.id, 'PLC' || s % 40 || '.DB' || s % 997 || '.' || s,
    'Site ' || (array['Aberdeen','Bergen','Cork','Delft','Essen','Faro','Gent','Halle'])[1 + s % 8] || ' / Line ' || s / 8 % 25 || ' / '
      || (array['Pump','Compressor','Boiler','Valve','Motor','Tank','Conveyor','Turbine','Fan','Heat exchanger'])[1 + s / 200 % 10]
      || ' ' || to_char(s / 2000 % 500, 'FM000') || ' / ' || t.name,
    (array['inlet','outlet','bearing','casing','shaft'])[1 + h.h % 5] || ' ' || lower(t.name) || ' of the '
      || (array['primary','secondary','standby'])[1 + h.h / 5 % 3] || ' circuit'
      || case when s % 5003 = 0 then ', calibrated twice' else '' end || case when h.h % 200 = 0 then ' under guarantee' else '' end,
    array[(array['critical','normal','spare'])[1 + h.h / 15 % 3], (array['opc','mqtt','historian','manual'])[1 + h.h / 45 % 4]],
    jsonb_build_object('serial', md5(s::text), 'vendor', (array['Acme','Borealis','Cyclone'])[1 + s % 3]), 1
  from generate_series(:from::int, :to::int) s
  cross join lateral (select hashint4(s) & 1048575) h (h)
  join stream.stream_types t on t.name = (array['Pressure','Temperature','Flow rate','Level','Vibration'])[1 + h.h / 180 % 5]`;

const sharing = `
  insert into community.communities (name, owner_tenant_id) values ('Plants', 1);
  insert into community.memberships (community_id, tenant_id) values (1, 1), (1, 2);
  insert into community.members (membership_id, tenant_id, identity_id, role)
    select m.id, m.tenant_id, i.id, 'MEMBER' from community.memberships m join tenant.identities i on i.tenant_id = m.tenant_id;
  insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
    select s.tenant_id, s.id, m.id, s.uuid, m.community_id, s.uuid, s.name
    from stream.streams s join community.memberships m on m.tenant_id = s.tenant_id
    where s.id % 5 = 0`;
