import type { TestDatabase } from "../support/database.ts";
import {
  Seed,
  type Identity,
  type Row,
  type TenantRole,
} from "../support/seed.ts";
import type { AccessEntry, CommunityRole } from "../oracle/rules.ts";
import { add, join, type State } from "./state.ts";

const people: readonly {
  kind: "USER" | "CLIENT";
  roles: readonly TenantRole[];
}[] = [
  { kind: "USER", roles: ["ACCOUNT_ADMINISTRATOR"] },
  { kind: "USER", roles: ["ACCOUNT_ADMINISTRATOR", "DATA_STEWARD"] },
  { kind: "CLIENT", roles: ["VIEWER"] },
];

/** The default list of DOMAIN's S1 to S4. */
const defaultList: readonly AccessEntry[] = [
  {
    effect: "ALLOW",
    rights: ["READ", "WRITE", "DELETE", "MANAGE_ACCESS_CONTROL"],
    subject: { role: "ACCOUNT_ADMINISTRATOR" },
  },
  {
    effect: "ALLOW",
    rights: ["READ", "SHARE"],
    subject: { role: "DATA_STEWARD" },
  },
  {
    effect: "ALLOW",
    rights: ["READ", "WRITE", "DELETE"],
    subject: { role: "CONTRIBUTOR" },
  },
  { effect: "ALLOW", rights: ["READ"], subject: { role: "VIEWER" } },
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
    streams: [],
    shares: [],
  };
  const companies: Company[] = [];
  for (const entitled of [true, true, true, false]) {
    const row = await seed.tenant(undefined, { entitled });
    const tenant = add(state.tenants, { uuid: row.uuid, entitled });
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
        ...{
          uuid: stream.uuid,
          tenant: tenant.id,
          owner: null,
          access: defaultList,
        },
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

interface Company {
  readonly row: Row;
  readonly rows: readonly Identity[];
}
