import type { Knex } from "knex";
import type { World } from "./rules.ts";

/** Something that ends reading for some, in the tables and in the world that the oracle judges. */
export interface Change {
  readonly name: string;
  readonly sql: string;
  /** What the statement touches, cascades included, in the order in which it can be put back. */
  readonly tables: readonly string[];
  readonly to: (world: World) => World;
}

// Where it can, a change meets every second row, so that what is not meant must stay as it was.
const isHit = ({ id }: { id: number }) => id % 2 === 0;

export const changes: readonly Change[] = [
  {
    name: "sharing is paused",
    sql: "update community.memberships set status = 'PAUSED' where id % 2 = 0",
    tables: ["community.memberships", "community.members", "stream.shares"],
    to: (world) => ({
      ...world,
      memberships: world.memberships.map((membership) =>
        isHit(membership) ? { ...membership, status: "PAUSED" } : membership,
      ),
    }),
  },
  {
    name: "an identity is disabled",
    sql: "update tenant.identities set enabled = false where id % 2 = 0",
    tables: ["tenant.identities", "tenant.identity_roles", "community.members"],
    to: (world) => ({
      ...world,
      identities: world.identities.map((identity) =>
        isHit(identity) && identity.state === "LIVE"
          ? { ...identity, state: "DISABLED" }
          : identity,
      ),
    }),
  },
  {
    name: "an identity is removed",
    sql: "delete from tenant.identities where id % 2 = 0",
    tables: ["tenant.identities", "tenant.identity_roles", "community.members"],
    to: (world) => ({
      ...world,
      identities: world.identities.map((identity) =>
        isHit(identity) ? { ...identity, state: "REMOVED" } : identity,
      ),
      participations: world.participations.filter(
        ({ identity }) => !isHit({ id: identity }),
      ),
    }),
  },
  {
    name: "a tenant role is lost",
    sql: "delete from tenant.identity_roles where identity_id % 2 = 0",
    tables: ["tenant.identity_roles"],
    to: (world) => ({
      ...world,
      identities: world.identities.map((identity) =>
        isHit(identity) ? { ...identity, roles: [] } : identity,
      ),
    }),
  },
  {
    name: "an entitlement is lost",
    sql: "delete from tenant.entitlements where tenant_id % 2 = 0",
    tables: ["tenant.entitlements"],
    to: (world) => ({
      ...world,
      tenants: world.tenants.map((tenant) =>
        isHit(tenant) ? { ...tenant, entitled: false } : tenant,
      ),
    }),
  },
  {
    name: "a community role is lost",
    sql: "delete from community.members where identity_id % 2 = 0",
    tables: ["community.members"],
    to: (world) => ({
      ...world,
      participations: world.participations.filter(
        ({ identity }) => !isHit({ id: identity }),
      ),
    }),
  },
  {
    name: "a stream is unshared",
    sql: "delete from stream.shares where stream_id % 2 = 0",
    tables: ["stream.shares"],
    to: (world) => ({
      ...world,
      shares: world.shares.filter(({ stream }) => !isHit({ id: stream })),
    }),
  },
  {
    name: "a membership ends",
    sql: "delete from community.memberships where id % 2 = 0",
    tables: ["community.memberships", "community.members", "stream.shares"],
    to: (world) => ({
      ...world,
      memberships: world.memberships.filter((membership) => !isHit(membership)),
      participations: world.participations.filter(
        ({ membership }) => !isHit({ id: membership }),
      ),
      shares: world.shares.filter(
        ({ membership }) => !isHit({ id: membership }),
      ),
    }),
  },
  {
    name: "every community is deleted",
    sql: "delete from community.communities",
    tables: [
      "community.communities",
      "community.memberships",
      "community.members",
      "stream.shares",
    ],
    to: (world) => ({
      ...world,
      memberships: [],
      participations: [],
      shares: [],
    }),
  },
  {
    name: "an access list is emptied",
    sql: "delete from stream.access_entries where list_id % 2 = 0",
    tables: ["stream.access_entries"],
    to: (world) => ({
      ...world,
      // Each stream has a list of its own here, of the same number.
      streams: world.streams.map((stream) =>
        isHit(stream) ? { ...stream, access: [] } : stream,
      ),
    }),
  },
  {
    name: "a stream has no owner any more",
    sql: "update stream.streams set owner_id = null",
    tables: ["stream.streams", "stream.shares", "stream.latest"],
    to: (world) => ({
      ...world,
      streams: world.streams.map((stream) => ({ ...stream, owner: null })),
    }),
  },
];

/** Makes the change, lets `work` look at it, and puts back what was there. */
export async function withChange(
  db: Knex,
  { sql, tables }: Change,
  work: () => Promise<void>,
): Promise<void> {
  const saved = (table: string) => `saved_${table.replace(".", "_")}`;
  for (const table of tables)
    await db.raw(`create table ${saved(table)} as table ${table}`);
  await db.raw(sql);
  await work();
  for (const table of [...tables].reverse())
    await db.raw(`delete from ${table}`);
  for (const table of tables) {
    await db.raw(
      `insert into ${table} overriding system value select * from ${saved(table)}`,
    );
    await db.raw(`drop table ${saved(table)}`);
  }
}
