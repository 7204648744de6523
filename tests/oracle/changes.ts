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

/** Whatever hangs on a membership. */
const memberships = [
  "community.memberships",
  "community.members",
  "community.waiting_tenants",
  "community.ownership_offers",
  "stream.shares",
];

export const changes: readonly Change[] = [
  {
    name: "sharing is paused",
    sql: "update community.memberships set status = 'PAUSED' where id % 2 = 0",
    tables: memberships,
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
    tables: memberships,
    to: (world) => ({
      ...world,
      memberships: world.memberships.filter((membership) => !isHit(membership)),
      offers: world.offers.filter(
        ({ membership }) => !isHit({ id: membership }),
      ),
      approvals: world.approvals.filter(
        ({ sharing, newcomer }) =>
          !isHit({ id: sharing }) && !isHit({ id: newcomer }),
      ),
      participations: world.participations.filter(
        ({ membership }) => !isHit({ id: membership }),
      ),
      shares: world.shares.filter(
        ({ membership }) => !isHit({ id: membership }),
      ),
    }),
  },
  {
    name: "new tenants are approved",
    sql: "delete from community.waiting_tenants where sharing_id % 2 = 0",
    tables: ["community.waiting_tenants"],
    to: (world) => ({
      ...world,
      approvals: world.approvals.map((approval) =>
        isHit({ id: approval.sharing })
          ? { ...approval, answer: "APPROVED" }
          : approval,
      ),
    }),
  },
  {
    name: "every tenant is asked about",
    sql: `insert into community.waiting_tenants (sharing_id, waiting_id)
          select s.id, w.id from community.memberships s
          join community.memberships w on w.community_id = s.community_id and w.id <> s.id
          where s.id % 2 = 0
          on conflict do nothing`,
    tables: ["community.waiting_tenants"],
    to: (world) => ({
      ...world,
      approvals: [
        ...world.approvals.filter(({ sharing }) => !isHit({ id: sharing })),
        ...world.memberships.filter(isHit).flatMap((sharing) =>
          world.memberships
            .filter(
              (other) =>
                other.community === sharing.community &&
                other.id !== sharing.id,
            )
            .map((newcomer) => ({
              sharing: sharing.id,
              newcomer: newcomer.id,
              answer: "NONE YET" as const,
            })),
        ),
      ],
    }),
  },
  {
    name: "ownership is on its way or moves",
    sql: `with offered as (
            insert into community.ownership_offers
              (community_id, membership_id, offered_by, accepted_by, accepted_at, effective_at)
            select community_id, min(id), gen_random_uuid(), gen_random_uuid(), now(), now()
            from community.memberships group by community_id)
          update community.communities c set owner_tenant_id =
            coalesce((select max(m.tenant_id) from community.memberships m where m.community_id = c.id), c.owner_tenant_id)`,
    tables: ["community.communities", "community.invitations", ...memberships],
    // Who owns a community is nothing to those who read in it.
    to: (world) => world,
  },
  {
    name: "every community is deleted",
    sql: `with ended as (delete from community.invitations) delete from community.communities`,
    tables: ["community.communities", "community.invitations", ...memberships],
    to: (world) => ({
      ...world,
      communities: [],
      offers: [],
      acceptances: [],
      memberships: [],
      approvals: [],
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
