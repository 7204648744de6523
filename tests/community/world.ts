import type { Subgraph } from "../../common/schema.ts";
import type { Knex } from "../../common/database.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import {
  createContext,
  type CommunitySettings,
} from "../../subgraphs/community/context.ts";
import { schema } from "../../subgraphs/community/schema.ts";
import type { TestDatabase } from "../support/database.ts";
import { as } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type TenantRole,
} from "../support/seed.ts";

export const settings: CommunitySettings = {
  publicUrl: new URL("https://tributary.example"),
  ownershipDelayHours: 72,
  invitations: {
    days: 14,
    perDay: 20,
    resendMinutes: 10,
    messageLength: 500,
    afterDecline: false,
  },
};

export const communitySubgraph = (
  database: TestDatabase,
  changes: Partial<CommunitySettings> = {},
): Subgraph => ({
  name: "community",
  schema,
  createContext: createContext(database.as("community"), {
    ...settings,
    ...changes,
  }),
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

/** Whom each tenant has besides, to be acted upon; two of them look after it, so that no caller is the last. */
const targets = {
  newcomer: "user, no role",
  newcomerAA: "AA, no role",
  newcomerClientAA: "client AA, no role",
  member: "user, MEMBER",
  memberAA: "AA, MEMBER",
  moderator: "AA, MODERATOR",
  /** In a member tenant, another moderator. */
  administrator: "AA, ADMINISTRATOR",
} as const;

export interface Tenant extends Row {
  readonly membership: Membership | null;
  readonly identities: Readonly<Record<keyof typeof targets, Identity>>;
}

const tenantNames = [
  "owner",
  "member",
  "third",
  "former",
  "unentitled",
  "stranger",
] as const;
type TenantName = (typeof tenantNames)[number];

/** One community, its tenants, and everybody who tries something. */
export interface CommunityWorld {
  readonly community: Row & { name: string };
  readonly viewers: Readonly<Record<Caller, Viewer>>;
  readonly tenants: Readonly<Record<TenantName, Tenant>>;
}

/** Set-wise, for there are many worlds. */
export async function seedWorld({
  owner: db,
}: TestDatabase): Promise<CommunityWorld> {
  const seed = new Seed(db);
  const rows = await Promise.all(
    tenantNames.map((name) =>
      seed.tenant(undefined, { entitled: name !== "unentitled" }),
    ),
  );
  const name = "Compressor partners";
  const [owner, ...others] = rows as [Row, ...Row[]];
  const community = { ...(await seed.community(owner, name)), name };
  const memberships = [
    community.ownerMembership,
    ...(await Promise.all(
      others.map((tenant, i) =>
        tenantNames[i + 1] === "stranger"
          ? null
          : seed.membership(community, tenant),
      ),
    )),
  ];

  // The third tenant is new to the others.
  const third = memberships[tenantNames.indexOf("third")] as Membership;
  for (const asked of memberships)
    if (asked && asked !== third) await seed.waiting(asked, third);

  const people = [
    ...callers.flatMap((caller) => {
      const [tenant = "", description = ""] = caller.split(": ");
      return { key: caller as string, tenant, description };
    }),
    ...tenantNames.flatMap((tenant) =>
      Object.entries(targets).map(([target, description]) => ({
        key: `${tenant}.${target}`,
        tenant,
        description,
      })),
    ),
  ].filter(({ tenant }) => tenantNames.includes(tenant as TenantName));
  const identities = await seedIdentities(db, people, (tenant) => {
    const i = tenantNames.indexOf(tenant as TenantName);
    return {
      tenantId: (rows[i] as Row).id,
      membershipId: memberships[i]?.id ?? null,
      isOwner: i === 0,
    };
  });
  await db("tenant.identities")
    .whereIn(
      "id",
      people.flatMap(({ key, description }) =>
        description.startsWith("removed")
          ? (identities.get(key)?.id ?? [])
          : [],
      ),
    )
    .delete();
  await db("community.memberships")
    .where({ id: memberships[tenantNames.indexOf("former")]?.id })
    .delete();

  const identity = (key: string) => identities.get(key) as Identity;
  return {
    community,
    viewers: {
      ...(Object.fromEntries(
        callers.map((caller) => [
          caller,
          identities.has(caller) ? as(identity(caller)) : anonymous,
        ]),
      ) as Record<Caller, Viewer>),
      "nobody: person without a tenant": personWithoutTenant,
    },
    tenants: Object.fromEntries(
      tenantNames.map((tenant, i) => [
        tenant,
        {
          ...rows[i],
          membership: memberships[i] ?? null,
          identities: Object.fromEntries(
            Object.keys(targets).map((target) => [
              target,
              identity(`${tenant}.${target}`),
            ]),
          ),
        },
      ]),
    ) as Record<TenantName, Tenant>,
  };
}

const tenantRoles: Readonly<Record<string, TenantRole>> = {
  AA: "ACCOUNT_ADMINISTRATOR",
  DS: "DATA_STEWARD",
  CONTRIBUTOR: "CONTRIBUTOR",
  VIEWER: "VIEWER",
};

async function seedIdentities(
  db: Knex,
  people: readonly { key: string; tenant: string; description: string }[],
  placeOf: (tenant: string) => {
    tenantId: number;
    membershipId: number | null;
    isOwner: boolean;
  },
): Promise<Map<string, Identity>> {
  const rows = (await db("tenant.identities")
    .insert(
      people.map(({ key, tenant, description }) => ({
        tenant_id: placeOf(tenant).tenantId,
        kind: description.includes("client") ? "CLIENT" : "USER",
        name: key,
        enabled: !description.startsWith("disabled"),
      })),
    )
    .returning(["id", "uuid", "tenant_id"])) as (Row & { tenant_id: number })[];
  const identities = new Map(
    people.map(({ key }, i) => {
      const {
        id,
        uuid,
        tenant_id: tenantId,
      } = rows[i] as (typeof rows)[number];
      return [key, { id, uuid, tenantId }];
    }),
  );
  await db("tenant.identity_roles").insert(
    people.flatMap(({ key, description }) => {
      const [what = ""] = description.split(", ");
      const role = tenantRoles[what.split(" ").at(-1) ?? ""];
      const { id, tenantId } = identities.get(key) as Identity;
      return role ? { tenant_id: tenantId, identity_id: id, role } : [];
    }),
  );
  await db("community.members").insert(
    people.flatMap(({ key, tenant, description }) => {
      const { membershipId, isOwner } = placeOf(tenant);
      const [, role = null] =
        /(MEMBER|MODERATOR|ADMINISTRATOR)$/.exec(description) ?? [];
      const { id, tenantId } = identities.get(key) as Identity;
      return role === null || membershipId === null
        ? []
        : {
            membership_id: membershipId,
            tenant_id: tenantId,
            identity_id: id,
            role: role === "ADMINISTRATOR" && !isOwner ? "MODERATOR" : role,
          };
    }),
  );
  return identities;
}
