import type { Knex } from "../../common/database.ts";
import type { TestDatabase } from "../support/database.ts";
import {
  Seed,
  type Identity,
  type Row,
  type Stream,
  type TenantRole,
} from "../support/seed.ts";
import type { CommunityRole } from "../oracle/rules.ts";
import { defaultList } from "./rules.ts";
import { add, defaultPolicy, join, type State } from "./state.ts";

const people: readonly {
  kind: "USER" | "CLIENT";
  roles: readonly TenantRole[];
}[] = [
  { kind: "USER", roles: ["ACCOUNT_ADMINISTRATOR"] },
  { kind: "USER", roles: ["ACCOUNT_ADMINISTRATOR", "DATA_STEWARD"] },
  { kind: "CLIENT", roles: ["VIEWER"] },
];

/**
 * A world where a history begins, beside those of the histories before it: four tenants, the last without entitlement,
 * each with three identities and two streams; the first owns a community, which the second is in
 * and wants to be asked about new ones.
 */
export async function begin({ owner: db }: TestDatabase): Promise<State> {
  const seed = new Seed(db);
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
  const companies: Company[] = [];
  for (const entitled of [true, true, true, false]) {
    const row = await seed.tenant(undefined, { entitled });
    const tenant = add(state.tenants, {
      ...{ uuid: row.uuid, entitled },
      ...defaultPolicy,
    });
    const rows: Identity[] = [];
    for (const { kind, roles } of people) {
      const email = `${row.uuid}.${rows.length}@example.com`;
      const identity = await (kind === "USER"
        ? seed.user(row, roles, email)
        : seed.client(row, roles));
      rows.push(identity);
      add(state.identities, {
        ...{
          uuid: identity.uuid,
          email,
          tenant: tenant.id,
          kind,
          state: "LIVE",
        },
        roles,
      });
    }
    for (const name of ["first", "second"]) {
      const stream = await seed.stream(row, { name });
      await seed.events(stream, 1);
      add(state.streams, {
        ...{ uuid: stream.uuid, tenant: tenant.id, externalId: name },
        ...(await homeOf(db, state, stream, tenant.id)),
        ...{ owner: null, access: defaultList, hasEvents: true },
      });
    }
    companies.push({ row, rows });
  }

  const [owner, guest] = companies as [Company, Company];
  const name = "Partners";
  const { uuid, ...row } = await seed.community(owner.row, name);
  const community = add(state.communities, {
    ...{ uuid, name, owner: 1, hasEnded: false },
  });
  const places = [
    { ...owner, membership: row.ownerMembership, first: "ADMINISTRATOR" },
    {
      ...guest,
      membership: await seed.membership({ uuid, ...row }, guest.row),
      first: "MODERATOR",
    },
  ] as const;
  for (const [i, { rows, membership, first }] of places.entries()) {
    const roles = new Map<number, CommunityRole>();
    const newTenantsRead = i === 0 ? "AT_ONCE" : "AFTER_APPROVAL";
    await db("community.memberships")
      .where({ id: membership.id })
      .update({ new_tenants_read: newTenantsRead });
    join(state, {
      ...{ community: community.id, tenant: i + 1, newTenantsRead },
      roles,
    });
    for (const [j, role] of [first, null, "MEMBER"].entries()) {
      if (role === null) continue;
      await seed.member(membership, rows[j] as Identity, role as CommunityRole);
      roles.set(i * people.length + j + 1, role as CommunityRole);
    }
  }
  return state;
}

/** The namespace and the type that were seeded with a stream. */
async function homeOf(
  db: Knex,
  { namespaces, types }: State,
  { id, tenantId }: Stream,
  tenant: number,
): Promise<{ namespace: number; type: number }> {
  const home = (await db("stream.streams as s")
    .join("stream.namespaces as n", "n.id", "s.namespace_id")
    .join("stream.stream_types as t", "t.id", "s.type_id")
    .where({ "s.tenant_id": tenantId, "s.id": id })
    .first({
      ...{ namespaceId: "n.uuid", namespaceName: "n.name" },
      ...{ typeId: "t.uuid", typeName: "t.name" },
    })) as Record<
    "namespaceId" | "namespaceName" | "typeId" | "typeName",
    string
  >;
  const namespace = add(namespaces, {
    ...{ uuid: home.namespaceId, tenant, name: home.namespaceName },
  }).id;
  const type = add(types, {
    ...{ uuid: home.typeId, namespace, name: home.typeName },
  }).id;
  return { namespace, type };
}

interface Company {
  readonly row: Row;
  readonly rows: readonly Identity[];
}
