import type { Knex } from "knex";
import type { Right, World } from "./rules.ts";

const bits: Readonly<Record<Right, number>> = {
  READ: 1,
  WRITE: 2,
  DELETE: 4,
  MANAGE_ACCESS_CONTROL: 8,
  SHARE: 16,
};

/** The public id of a part of a world: its kind and number, legible in a failing test. */
export const uuidOf = (kind: keyof typeof kinds, id: number) =>
  `${kinds[kind]}-0000-4000-8000-${String(id).padStart(12, "0")}`;
const kinds = {
  tenant: "aaaaaaaa",
  identity: "bbbbbbbb",
  community: "cccccccc",
  membership: "dddddddd",
  stream: "eeeeeeee",
};

/** The rights of a mask, as the gate answers it. */
export const maskOf = (rights: ReadonlySet<Right>) =>
  [...rights].reduce((mask, right) => mask | bits[right], 0);

/** Puts a whole world into the tables, one statement a table; the integers inside are the world's own ids. */
export async function load(db: Knex, world: World): Promise<void> {
  const insert = async (
    table: string,
    columns: string,
    rows: readonly object[],
  ) => {
    for (let from = 0; from < rows.length; from += 50_000)
      await db.raw(
        `insert into ${table} (${columns}) overriding system value
         select ${columns} from jsonb_populate_recordset(null::${table}, ?::jsonb)`,
        [JSON.stringify(rows.slice(from, from + 50_000))],
      );
  };

  await insert(
    "tenant.tenants",
    "id, uuid, name, created_at",
    world.tenants.map(({ id }) => ({
      id,
      uuid: uuidOf("tenant", id),
      name: `tenant ${id}`,
      created_at: "2026-01-01",
    })),
  );
  await insert(
    "tenant.entitlements",
    "tenant_id, entitlement, granted_at",
    world.tenants
      .filter(({ entitled }) => entitled)
      .map(({ id }) => ({
        tenant_id: id,
        entitlement: "COMMUNITIES",
        granted_at: "2026-01-01",
      })),
  );
  const identities = world.identities.filter(
    ({ state }) => state !== "REMOVED",
  );
  await insert(
    "tenant.identities",
    "tenant_id, id, uuid, kind, name, enabled, created_at",
    identities.map(({ id, tenant, state }) => ({
      tenant_id: tenant,
      id,
      uuid: uuidOf("identity", id),
      kind: id % 2 ? "USER" : "CLIENT",
      name: `identity ${id}`,
      enabled: state === "LIVE",
      created_at: "2026-01-01",
    })),
  );
  await insert(
    "tenant.identity_roles",
    "tenant_id, identity_id, role",
    identities.flatMap(({ id, tenant, roles }) =>
      roles.map((role) => ({ tenant_id: tenant, identity_id: id, role })),
    ),
  );
  await insert(
    "community.communities",
    "id, uuid, name, owner_tenant_id, created_at",
    world.communities.map(({ id, owner }) => ({
      id,
      uuid: uuidOf("community", id),
      name: `community ${id}`,
      owner_tenant_id: owner,
      created_at: "2026-01-01",
    })),
  );
  await insert(
    "community.memberships",
    "id, uuid, community_id, tenant_id, status, joined_at",
    world.memberships.map(({ id, community, tenant, status }) => ({
      id,
      uuid: uuidOf("membership", id),
      community_id: community,
      tenant_id: tenant,
      status,
      joined_at: "2026-01-01",
    })),
  );
  // Whoever was approved waits no longer.
  await insert(
    "community.waiting_tenants",
    "sharing_id, waiting_id, state",
    world.approvals
      .filter(({ answer }) => answer !== "APPROVED")
      .map(({ sharing, newcomer, answer }) => ({
        sharing_id: sharing,
        waiting_id: newcomer,
        state: answer === "REFUSED" ? "REFUSED" : "WAITING",
      })),
  );
  await insert(
    "community.ownership_offers",
    "community_id, membership_id, offered_by, offered_at, accepted_by, accepted_at, effective_at",
    world.offers.map(({ community, membership, state }) => ({
      community_id: community,
      membership_id: membership,
      offered_by: uuidOf("identity", 1),
      offered_at: "2026-01-01",
      ...(state !== "OPEN" && {
        accepted_by: uuidOf("identity", 2),
        accepted_at: "2026-01-02",
        effective_at: state === "DUE" ? "2026-01-05" : "2126-01-05",
      }),
    })),
  );
  const ownerOf = new Map(
    world.communities.map(({ id, owner }) => [id, owner]),
  );
  await insert(
    "community.invitations",
    `id, uuid, community_id, community_name, issuing_tenant_id, issued_by, issued_by_name, issued_at, email, token_hash, sent_at, expires_at,
     state, accepting_tenant_id, accepting_tenant_created_at, accepted_by, accepted_by_name, accepted_by_email, accepted_at,
     moderators, contact_email, new_tenants_read`,
    world.acceptances.map(({ community, tenant }, i) => ({
      id: i + 1,
      uuid: `99999999-0000-4000-8000-${String(i + 1).padStart(12, "0")}`,
      community_id: community,
      community_name: "Pumps",
      issuing_tenant_id: ownerOf.get(community),
      issued_by: uuidOf("identity", 1),
      issued_by_name: "Ann",
      issued_at: "2026-01-01",
      email: "bob@example.com",
      token_hash: `\\x${(i + 1).toString(16).padStart(8, "0")}`,
      sent_at: "2026-01-01",
      expires_at: "2126-01-01",
      state: "ACCEPTED",
      accepting_tenant_id: tenant,
      accepting_tenant_created_at: "2026-01-01",
      accepted_by: uuidOf("identity", 2),
      accepted_by_name: "Bob",
      accepted_by_email: "bob@example.com",
      accepted_at: "2026-01-02",
      moderators: [uuidOf("identity", 2)],
      contact_email: "bob@example.com",
      new_tenants_read: "AT_ONCE",
    })),
  );
  const tenantOf = new Map(
    world.memberships.map(({ id, tenant }) => [id, tenant]),
  );
  await insert(
    "community.members",
    "membership_id, tenant_id, identity_id, role, added_at",
    world.participations.map(({ membership, identity, role }) => ({
      membership_id: membership,
      tenant_id: tenantOf.get(membership),
      identity_id: identity,
      role,
      added_at: "2026-01-01",
    })),
  );
  await loadStreams(insert, world);
  await db.raw("analyze");
}

async function loadStreams(
  insert: (
    table: string,
    columns: string,
    rows: readonly object[],
  ) => Promise<void>,
  { streams, shares, tenants, memberships }: World,
): Promise<void> {
  // Each stream has a list of its own here: nothing may depend on lists being shared.
  await insert(
    "stream.access_lists",
    "tenant_id, id, content_hash",
    streams.map(({ id, tenant }) => ({
      tenant_id: tenant,
      id,
      content_hash: `\\x${id.toString(16).padStart(8, "0")}`,
    })),
  );
  await insert(
    "stream.access_entries",
    "tenant_id, list_id, position, effect, rights, role, identity_id",
    streams.flatMap(({ id, tenant, access }) =>
      access.map(({ effect, rights, subject }, position) => ({
        tenant_id: tenant,
        list_id: id,
        position,
        effect,
        rights: maskOf(new Set(rights)),
        role: "role" in subject ? subject.role : null,
        identity_id: "identity" in subject ? subject.identity : null,
      })),
    ),
  );
  // One namespace and one type a tenant; both borrow the id of the tenant, and the list of one of its streams.
  const listOf = new Map(streams.map(({ id, tenant }) => [tenant, id]));
  const owners = tenants.filter(({ id }) => listOf.has(id));
  await insert(
    "stream.namespaces",
    "tenant_id, id, uuid, name, region, access_list_id, created_at",
    owners.map(({ id }) => ({
      tenant_id: id,
      id,
      uuid: uuidOf("tenant", id),
      name: "plant",
      region: "eu",
      access_list_id: listOf.get(id),
      created_at: "2026-01-01",
    })),
  );
  await insert(
    "stream.stream_types",
    "tenant_id, id, uuid, namespace_id, name, created_at",
    owners.map(({ id }) => ({
      tenant_id: id,
      id,
      uuid: uuidOf("tenant", id),
      namespace_id: id,
      name: "number",
      created_at: "2026-01-01",
    })),
  );
  await insert(
    "stream.properties",
    "tenant_id, type_id, position, name, kind, interpolation",
    owners.map(({ id }) => ({
      tenant_id: id,
      type_id: id,
      position: 0,
      name: "value",
      kind: "FLOAT",
      interpolation: "CONTINUOUS",
    })),
  );
  await insert(
    "stream.streams",
    "tenant_id, id, uuid, namespace_id, type_id, external_id, name, tags, extrapolation, owner_id, access_list_id, is_widely_shared, created_at, updated_at",
    streams.map(({ id, tenant, owner }) => ({
      tenant_id: tenant,
      id,
      uuid: uuidOf("stream", id),
      namespace_id: tenant,
      type_id: tenant,
      external_id: `secret ${id}`,
      name: `stream ${id}`,
      tags: [],
      extrapolation: "BOTH",
      owner_id: owner,
      access_list_id: id,
      // Says nothing of who reads it: the gate takes another way to the same answer for all of a tenant. Half of these, in no
      // order.
      is_widely_shared: Math.imul(tenant, 0x9e3779b1) < 0,
      created_at: "2026-01-01",
      updated_at: "2026-01-01",
    })),
  );
  const tenantOf = new Map(streams.map(({ id, tenant }) => [id, tenant]));
  const communityOf = new Map(
    memberships.map(({ id, community }) => [id, community]),
  );
  await insert(
    "stream.shares",
    "tenant_id, id, uuid, stream_id, membership_id, shared_by, shared_at, community_id, stream_uuid, stream_name",
    shares.map(({ stream, membership }, i) => ({
      tenant_id: tenantOf.get(stream),
      id: i + 1,
      uuid: `ffffffff-0000-4000-8000-${String(i + 1).padStart(12, "0")}`,
      stream_id: stream,
      membership_id: membership,
      shared_by: uuidOf("identity", 1),
      shared_at: "2026-01-01",
      community_id: communityOf.get(membership),
      stream_uuid: uuidOf("stream", stream),
      stream_name: `stream ${stream}`,
    })),
  );
}
