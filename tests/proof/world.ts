import { randomUUID } from "node:crypto";
import type { Knex } from "../../common/database.ts";
import type { TestDatabase } from "../support/database.ts";
import { defaultAccess, type Row, type TenantRole } from "../support/seed.ts";
import type { CommunityRole } from "../oracle/rules.ts";
import { tokenOf } from "./handshake-operations.ts";
import { defaultList } from "./rules.ts";
import { add, byId, defaultPolicy, join, type State } from "./state.ts";

const people: readonly {
  kind: "USER" | "CLIENT";
  roles: readonly TenantRole[];
}[] = [
  { kind: "USER", roles: ["ACCOUNT_ADMINISTRATOR"] },
  { kind: "USER", roles: ["ACCOUNT_ADMINISTRATOR", "DATA_STEWARD"] },
  { kind: "CLIENT", roles: ["VIEWER"] },
];

/** Of each tenant; the last one is without entitlement. */
const entitlements = [true, true, true, false];
const streamNames = ["first", "second"];
const name = "Partners";

/**
 * A world where a history begins, beside those of the histories before it: four tenants, each with three identities and
 * two streams; the first owns a community, which the second is in and wants to be asked about new ones. The third has
 * accepted an invitation, and holds another one. Set-wise, for there are many worlds.
 */
export async function begin({ owner: db }: TestDatabase): Promise<State> {
  const state: State = {
    tenants: [],
    identities: [],
    communities: [],
    memberships: [],
    invitations: [],
    approvals: [],
    offers: [],
    namespaces: [],
    types: [],
    streams: [],
    shares: [],
  };
  const tenants = await insert(
    db,
    "tenant.tenants",
    entitlements.map((_, i) => ({ name: `tenant ${i + 1}` })),
  );
  await db("tenant.entitlements").insert(
    tenants
      .filter((_, i) => entitlements[i])
      .map(({ id }) => ({ tenant_id: id, entitlement: "COMMUNITIES" })),
  );
  for (const [i, { uuid }] of tenants.entries())
    add(state.tenants, {
      ...{ uuid, entitled: entitlements[i] === true },
      ...defaultPolicy,
    });
  const identities = await addIdentities(db, state, tenants);
  await addStreams(db, state, tenants);
  const community = await addCommunity(db, state, tenants, identities);
  await addInvitations(db, state, tenants, community);
  return state;
}

async function addIdentities(
  db: Knex,
  { identities }: State,
  tenants: readonly Row[],
): Promise<Row[]> {
  const all = tenants.flatMap((tenant, i) =>
    people.map((person, j) => ({
      ...person,
      tenant,
      email: `${tenant.uuid}.${j}@example.com`,
      at: i + 1,
    })),
  );
  const rows = await insert(
    db,
    "tenant.identities",
    all.map(({ tenant, kind }, i) => ({
      ...{ tenant_id: tenant.id, kind, name: `identity ${i + 1}` },
    })),
  );
  const key = (i: number) => ({
    tenant_id: all[i]?.tenant.id,
    identity_id: rows[i]?.id,
  });
  await db("tenant.identity_roles").insert(
    all.flatMap(({ roles }, i) => roles.map((role) => ({ ...key(i), role }))),
  );
  await db("tenant.users").insert(
    all.flatMap(({ kind, email }, i) =>
      kind === "USER" ? { ...key(i), email } : [],
    ),
  );
  await db("tenant.clients").insert(
    all.flatMap(({ kind }, i) =>
      kind === "CLIENT" ? { ...key(i), client_id: rows[i]?.uuid } : [],
    ),
  );
  for (const [i, { kind, roles, email, at }] of all.entries())
    add(identities, {
      ...{ uuid: (rows[i] as Row).uuid, email, tenant: at, kind, roles },
      state: "LIVE",
    });
  return rows;
}

/** Each in a namespace of its own, with a type of its own and one event. */
async function addStreams(
  db: Knex,
  { namespaces, types, streams }: State,
  tenants: readonly Row[],
): Promise<void> {
  const lists = (await db("stream.access_lists")
    .insert(
      tenants.map(({ id }) => ({
        ...{ tenant_id: id, content_hash: Buffer.from("default") },
      })),
    )
    .returning("id")) as { id: number }[];
  await db("stream.access_entries").insert(
    tenants.flatMap(({ id: tenant_id }, i) =>
      defaultAccess.map(({ rights, role = null }, position) => ({
        ...{ tenant_id, list_id: lists[i]?.id, position },
        ...{ effect: "ALLOW", rights, role },
      })),
    ),
  );
  const all = tenants.flatMap(({ id }, i) =>
    streamNames.map((name) => ({
      ...{ tenant_id: id, access_list_id: lists[i]?.id, name, at: i + 1 },
    })),
  );
  const homes = await insert(
    db,
    "stream.namespaces",
    all.map(({ tenant_id, access_list_id, name }) => ({
      ...{ tenant_id, access_list_id, name, region: "eu" },
    })),
  );
  const shapes = await insert(
    db,
    "stream.stream_types",
    all.map(({ tenant_id, name }, i) => ({
      ...{ tenant_id, name, namespace_id: homes[i]?.id },
    })),
  );
  await db("stream.properties").insert(
    all.map(({ tenant_id }, i) => ({
      ...{ tenant_id, type_id: shapes[i]?.id, position: 0, name: "value" },
      ...{ kind: "FLOAT", interpolation: "CONTINUOUS" },
    })),
  );
  const rows = await insert(
    db,
    "stream.streams",
    all.map(({ tenant_id, access_list_id, name }, i) => ({
      ...{ tenant_id, access_list_id, name, external_id: name },
      ...{ namespace_id: homes[i]?.id, type_id: shapes[i]?.id },
    })),
  );
  const event = (i: number) => ({
    ...{ tenant_id: all[i]?.tenant_id, stream_id: rows[i]?.id },
    ...{ ts: "2026-01-01T00:00:00Z", value: 0 },
  });
  await db("stream.events").insert(rows.map((_, i) => event(i)));
  await db("stream.latest").insert(
    rows.map((_, i) => ({ ...event(i), first_ts: event(i).ts })),
  );
  for (const [i, { at: tenant, name }] of all.entries()) {
    const namespace = add(namespaces, {
      ...{ uuid: (homes[i] as Row).uuid, tenant, name },
      access: defaultList,
    }).id;
    const type = add(types, {
      ...{ uuid: (shapes[i] as Row).uuid, namespace, name },
    }).id;
    add(streams, {
      ...{ uuid: (rows[i] as Row).uuid, tenant, namespace, type },
      ...{ externalId: name, owner: null, access: defaultList },
      hasEvents: true,
      isDeleted: false,
    });
  }
}

async function addCommunity(
  db: Knex,
  state: State,
  tenants: readonly Row[],
  identities: readonly Row[],
): Promise<Row> {
  const [row] = (await insert(db, "community.communities", [
    { name, owner_tenant_id: tenants[0]?.id },
  ])) as [Row];
  const community = add(state.communities, {
    ...{ uuid: row.uuid, name, owner: 1, hasEnded: false },
  }).id;
  for (const [i, first] of (["ADMINISTRATOR", "MODERATOR"] as const).entries())
    join(state, {
      ...{ community, tenant: i + 1 },
      newTenantsRead: i === 0 ? "AT_ONCE" : "AFTER_APPROVAL",
      roles: new Map<number, CommunityRole>([
        [i * people.length + 1, first],
        [i * people.length + 3, "MEMBER"],
      ]),
    });
  const places = await insert(
    db,
    "community.memberships",
    state.memberships.map(({ tenant, newTenantsRead }) => ({
      ...{ community_id: row.id, tenant_id: tenants[tenant - 1]?.id },
      ...{ status: "ACTIVE", new_tenants_read: newTenantsRead },
    })),
  );
  await db("community.members").insert(
    state.memberships.flatMap(({ tenant, roles }, i) =>
      [...roles].map(([identity, role]) => ({
        ...{ membership_id: places[i]?.id, role },
        ...{ tenant_id: tenants[tenant - 1]?.id },
        identity_id: identities[identity - 1]?.id,
      })),
    ),
  );
  return row;
}

async function addInvitations(
  db: Knex,
  state: State,
  [issuer, , tenant]: readonly Row[],
  community: Row,
): Promise<void> {
  const [accepter, moderator] = state.identities.filter(
    (one) => one.tenant === 3,
  );
  if (!accepter || !moderator) throw new Error("Nobody can accept.");
  const sent = { community: 1, sendings: 1 };
  add(state.invitations, {
    ...{ ...sent, uuid: randomUUID(), email: moderator.email },
    ...{ state: "CREATED", acceptance: null },
  });
  add(state.invitations, {
    ...{ ...sent, uuid: randomUUID(), email: accepter.email },
    ...{ state: "ACCEPTED" },
    acceptance: {
      ...{ tenant: 3, email: accepter.email, newTenantsRead: "AT_ONCE" },
      moderators: [accepter.id, moderator.id],
    },
  });
  const now = db.fn.now();
  await db("community.invitations").insert(
    state.invitations.map((invitation) => ({
      ...{ uuid: invitation.uuid, email: invitation.email },
      ...{ community_id: community.id, community_name: name },
      ...{ issuing_tenant_id: issuer?.id, issued_by_name: "Ann" },
      issued_by: byId(state.identities, 1).uuid,
      token_hash: db.raw("sha256(convert_to(?, 'UTF8'))", [
        tokenOf(invitation),
      ]),
      expires_at: db.raw("now() + interval '14 days'"),
      state: invitation.state,
      ...(invitation.acceptance && {
        ...{
          accepting_tenant_id: tenant?.id,
          accepting_tenant_created_at: now,
        },
        ...{ accepted_by: accepter.uuid, accepted_by_name: "Bob" },
        ...{ accepted_by_email: accepter.email, accepted_at: now },
        moderators: [accepter.uuid, moderator.uuid],
        ...{ contact_email: accepter.email, new_tenants_read: "AT_ONCE" },
      }),
    })),
  );
}

const insert = async (
  db: Knex,
  table: string,
  rows: readonly object[],
): Promise<Row[]> =>
  (await db(table)
    .insert([...rows])
    .returning(["id", "uuid"])) as Row[];
