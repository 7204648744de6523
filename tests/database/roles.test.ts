import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { roles, type Role } from "../../migrations/run.ts";
import { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

/** All that each role may use outside of its own schema. Who publishes something more writes it here. */
const published: Readonly<Record<Role, readonly string[]>> = {
  tenant: [
    "community.is_invited(bytea): execute",
    "community.leaderless_places(integer): execute",
    "community.led_places(integer): execute",
    "community.met_tenants(uuid, integer[]): execute",
    "issuer.add_link(text, bytea, timestamp with time zone): execute",
    "ledger.append(uuid, uuid, text, text, jsonb, jsonb): execute",
    "mail.count_sending(uuid, text, integer): execute",
    "mail.notify(uuid, jsonb): execute",
    "mail.send(jsonb): execute",
  ],
  community: [
    "ledger.append(uuid, uuid, text, text, jsonb, jsonb): execute",
    "ledger.end_stays(integer[]): execute",
    "ledger.newer_entries(uuid, uuid[], text[], bigint, integer): execute",
    "ledger.next_place(): execute",
    "ledger.older_entries(uuid, uuid[], text[], bigint, integer): execute",
    "ledger.published_concerns: select",
    "ledger.published_entries: select",
    "ledger.published_heads: select",
    "ledger.published_links: select",
    "ledger.published_stream_entries: select",
    "ledger.seal(jsonb, jsonb): execute",
    "ledger.take_unsealed(integer): execute",
    "mail.count_sending(uuid, text, integer): execute",
    "mail.newer_notices(uuid, boolean, bigint, timestamp with time zone, integer): execute",
    "mail.notify(uuid, jsonb): execute",
    "mail.older_notices(uuid, boolean, bigint, timestamp with time zone, integer): execute",
    "mail.published_notices: select",
    "mail.recipients: select",
    "mail.send(jsonb): execute",
    "stream.count_shares(integer[]): execute",
    "stream.ended_access(uuid, integer, integer[], integer[]): execute",
    "stream.ledger_scopes(uuid, uuid[]): execute",
    "stream.seen_streams(uuid, uuid[]): execute",
    "stream.unshared(uuid, integer[]): execute",
    "tenant.lock_identities(integer[], uuid[]): execute",
    "tenant.lock_settings(integer[]): execute",
    "tenant.possible_moderators: select",
    "tenant.published_entitlements: select",
    "tenant.published_identities: select",
    "tenant.published_roles: select",
    "tenant.published_settings: select",
    "tenant.published_tenants: select",
    "tenant.users_of_caller(uuid, text): execute",
  ],
  stream: [
    "community.lock_participation(uuid, uuid[]): execute",
    "community.published_communities: select",
    "community.published_joinings: select",
    "community.published_members: select",
    "community.published_memberships: select",
    "community.published_waiting_tenants: select",
    "ledger.append(uuid, uuid, text, text, jsonb, jsonb): execute",
    "mail.notify(uuid, jsonb): execute",
    "mail.send(jsonb): execute",
    "tenant.introduce(integer, integer): execute",
    "tenant.introduce_each(integer[], integer[]): execute",
    "tenant.lock_identities(integer[], uuid[]): execute",
    "tenant.order_key(integer, integer): execute",
    "tenant.published_entitlements: select",
    "tenant.published_identities: select",
    "tenant.published_pseudonyms: select",
    "tenant.published_roles: select",
    "tenant.published_tenants: select",
  ],
  issuer: [
    "ledger.append(uuid, uuid, text, text, jsonb, jsonb): execute",
    "ledger.refuse(uuid, text, text, jsonb): execute",
    "mail.notify(uuid, jsonb): execute",
    "mail.send(jsonb): execute",
    "tenant.email_of_user(uuid): execute",
    "tenant.lock_identities(integer[], uuid[]): execute",
    "tenant.published_identities: select",
    "tenant.published_tenants: select",
    "tenant.secret_used(uuid, timestamp with time zone): execute",
    "tenant.secrets_of_client(text): execute",
    "tenant.users_of_email(text): execute",
  ],
  mail: [],
};

/** Every right of a role on every table, view, column, sequence and function but PostgreSQL's own and its extensions'. */
async function rightsOf(
  role: Role,
): Promise<{ schema: string; right: string }[]> {
  const { rows } = await database.owner.raw<{
    rows: { schema: string; right: string }[];
  }>(
    `with objects as (
       select n.nspname as schema, format('%I.%I', n.nspname, c.relname) as name, p.privilege,
              case when c.relkind = 'S' then has_sequence_privilege(:role, c.oid, p.privilege)
                   when p.privilege in ('select', 'insert', 'update', 'references')
                   then has_any_column_privilege(:role, c.oid, p.privilege)
                   else has_table_privilege(:role, c.oid, p.privilege) end as granted
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join lateral unnest(case when c.relkind = 'S' then array['usage', 'select', 'update']
            else array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'] end)
         as p(privilege) on true
       where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
       union all
       select n.nspname, format('%I.%I(%s)', n.nspname, f.proname, oidvectortypes(f.proargtypes)), 'execute',
              has_function_privilege(:role, f.oid, 'execute')
       from pg_proc f
       join pg_namespace n on n.oid = f.pronamespace
       where not exists (select from pg_depend d
                         where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'))
     select schema, name || ': ' || privilege as "right"
     from objects
     where granted and schema !~ '^pg_' and schema <> 'information_schema'`,
    { role: `tributary_${role}` },
  );
  return rows;
}

describe.each(roles)("the %s role", (role) => {
  test("has of other schemas what is published to it, and nothing else", async () => {
    const foreign = (await rightsOf(role)).filter(
      ({ schema }) => schema !== role,
    );
    expect(foreign.map(({ right }) => right).sort()).toEqual(published[role]);
  });

  test("reads and writes its own schema, and shapes nothing there", async () => {
    const own = (await rightsOf(role)).filter(({ schema }) => schema === role);
    const kinds = new Set(own.map(({ right }) => right.split(": ")[1]));
    kinds.delete("execute");
    expect(kinds).toEqual(new Set(["select", "insert", "update", "delete"]));
  });

  test("creates in no schema, owns nothing, and can become nobody else", async () => {
    const { rows } = await database.owner.raw<{ rows: unknown[] }>(
      `select r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
              has_database_privilege(r.oid, current_database(), 'create') as "createsSchemas",
              array(select n.nspname::text from pg_namespace n where has_schema_privilege(r.oid, n.oid, 'create')) as "createsIn",
              array(select c.relname::text from pg_class c where c.relowner = r.oid) as owns,
              array(select o.rolname::text from pg_roles o where pg_has_role(r.oid, o.oid, 'member') and o.oid <> r.oid) as becomes
       from pg_roles r where r.rolname = ?`,
      [`tributary_${role}`],
    );
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        rolbypassrls: false,
        createsSchemas: false,
        createsIn: [],
        owns: [],
        becomes: [],
      },
    ]);
  });

  const others = roles.filter((other) => other !== role);
  test.each([
    "select from ledger.entries",
    "select from ledger.names",
    "update ledger.entries set action = 'x'",
    "delete from ledger.entries",
    "truncate ledger.entries",
    "insert into ledger.names (id) values (gen_random_uuid())",
    "alter table ledger.entries add column x int",
    "drop function ledger.append",
    `create table ${role}.mine (id int)`,
    "create table public.mine (id int)",
    "create schema mine",
    "select from public.migrations",
    ...others.map((other) => `set role tributary_${other}`),
    "set session authorization postgres",
  ])("is refused: %s", async (statement) => {
    await expect(database.as(role).raw(statement)).rejects.toThrow(
      /permission denied|must be owner/,
    );
  });
});
