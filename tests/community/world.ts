import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/community/context.ts";
import { schema } from "../../subgraphs/community/schema.ts";
import type { TestDatabase } from "../support/database.ts";
import { as } from "../support/run.ts";
import {
  Seed,
  type CommunityRole,
  type Identity,
  type Membership,
  type Row,
  type TenantRole,
} from "../support/seed.ts";

export const communitySubgraph = (database: TestDatabase): Subgraph => ({
  name: "community",
  schema,
  createContext: createContext(database.as("community")),
});

/** Every kind of caller, as "who: what it is in its tenant, what it is in the community". */
export const callers = [
  "nobody: anonymous",
  "nobody: person without a tenant",
  "owner: user, ADMINISTRATOR",
  "owner: user, MODERATOR",
  "owner: user, MEMBER",
  "owner: client, MEMBER",
  "owner: AA, no role",
  "owner: DS, no role",
  "owner: CONTRIBUTOR, no role",
  "owner: VIEWER, no role",
  "owner: client AA, no role",
  "owner: disabled client, MEMBER",
  "member: user, MODERATOR",
  "member: user, MEMBER",
  "member: client, MEMBER",
  "member: AA, no role",
  "member: AA, MEMBER",
  "member: client AA, no role",
  "member: DS, no role",
  "member: removed user, MODERATOR",
  "member: disabled client, MODERATOR",
  "former: AA, was MODERATOR",
  "former: user, was MEMBER",
  "stranger: AA, not in",
  "unentitled: AA, MODERATOR",
  "unentitled: user, MEMBER",
] as const;

export type Caller = (typeof callers)[number];

const personWithoutTenant: Viewer = {
  ...anonymous,
  person: {
    id: "00000000-0000-4000-8000-000000000001",
    email: "ann@example.com",
    name: "Ann",
  },
};

/** One community; what of each of its tenants can be acted upon, besides the callers. */
export interface CommunityWorld {
  readonly community: Row & { name: string };
  readonly viewers: Readonly<Record<Caller, Viewer>>;
  readonly tenants: Readonly<Record<string, Tenant>>;
}

export interface Tenant extends Row {
  readonly membership: Membership | null;
  readonly newcomer: Identity;
  readonly newcomerAA: Identity;
  readonly newcomerClientAA: Identity;
  readonly member: Identity;
  readonly memberAA: Identity;
  readonly moderator: Identity;
  /** In a member tenant, another moderator. */
  readonly administrator: Identity;
}

/** Each tenant has two who look after it, besides the callers, so that nobody is the last. */
export async function seedWorld(
  database: TestDatabase,
): Promise<CommunityWorld> {
  const seed = new Seed(database.owner);
  const owner = await seed.tenant();
  const name = "Compressor partners";
  const community = { ...(await seed.community(owner, name)), name };

  const add = async (tenant: Row, membership: Membership | null) => {
    const identity = async (
      roles: readonly TenantRole[],
      role?: CommunityRole,
      kind: "user" | "client" = "user",
    ) => {
      const made = await seed[kind](tenant, roles);
      if (role && membership) await seed.member(membership, made, role);
      return made;
    };
    return {
      ...tenant,
      membership,
      identity,
      newcomer: await identity([]),
      newcomerAA: await identity(["ACCOUNT_ADMINISTRATOR"]),
      newcomerClientAA: await identity(
        ["ACCOUNT_ADMINISTRATOR"],
        undefined,
        "client",
      ),
      member: await identity([], "MEMBER"),
      memberAA: await identity(["ACCOUNT_ADMINISTRATOR"], "MEMBER"),
      moderator: await identity(["ACCOUNT_ADMINISTRATOR"], "MODERATOR"),
      administrator: await identity(
        ["ACCOUNT_ADMINISTRATOR"],
        tenant === owner ? "ADMINISTRATOR" : "MODERATOR",
      ),
    };
  };
  const join = async (tenant: Row) =>
    add(tenant, await seed.membership(community, tenant));
  const [ownerTenant, member, third, former, unentitled, stranger] =
    await Promise.all([
      add(owner, community.ownerMembership),
      join(await seed.tenant()),
      join(await seed.tenant()),
      join(await seed.tenant()),
      join(await seed.tenant(undefined, { entitled: false })),
      add(await seed.tenant(), null),
    ]);
  const tenants = {
    owner: ownerTenant,
    member,
    third,
    former,
    unentitled,
    stranger,
  };

  const tenantRoles: Record<string, readonly TenantRole[]> = {
    AA: ["ACCOUNT_ADMINISTRATOR"],
    DS: ["DATA_STEWARD"],
    CONTRIBUTOR: ["CONTRIBUTOR"],
    VIEWER: ["VIEWER"],
  };
  const seedCaller = async (caller: Caller): Promise<Viewer> => {
    if (caller === "nobody: anonymous") return anonymous;
    if (caller === "nobody: person without a tenant")
      return personWithoutTenant;
    const [who = "", what = "", role = ""] = caller.split(/: |, /);
    const identity = await tenants[who as keyof typeof tenants].identity(
      tenantRoles[what.split(" ").at(-1) ?? ""] ?? [],
      /MEMBER|MODERATOR|ADMINISTRATOR/.exec(role)?.[0] as CommunityRole,
      what.includes("client") ? "client" : "user",
    );
    const row = database.owner("tenant.identities").where({ id: identity.id });
    if (what.startsWith("disabled")) await row.update({ enabled: false });
    if (what.startsWith("removed")) await row.delete();
    return as(identity);
  };
  const viewers = Object.fromEntries(
    await Promise.all(
      callers.map(async (caller) => [caller, await seedCaller(caller)]),
    ),
  ) as Record<Caller, Viewer>;
  await database
    .owner("community.memberships")
    .where({ id: tenants.former.membership?.id })
    .delete();
  return { community, viewers, tenants };
}
