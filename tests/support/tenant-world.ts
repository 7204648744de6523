import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import {
  createContext,
  type TenantSettings,
} from "../../subgraphs/tenant/context.ts";
import { schema } from "../../subgraphs/tenant/schema.ts";
import type { TestDatabase } from "./database.ts";
import { as } from "./run.ts";
import { Seed, type Identity } from "./seed.ts";

export const settings: TenantSettings = {
  publicUrl: new URL("https://tributary.example"),
  isBuiltInOn: true,
  signUp: { mode: "open", entitlements: ["COMMUNITIES"] },
  userMailsPerDay: 200,
};

export const tenantSubgraph = (
  database: TestDatabase,
  changes: Partial<TenantSettings> = {},
): Subgraph => ({
  name: "tenant",
  schema,
  createContext: createContext(database.as("tenant"), {
    ...settings,
    ...changes,
  }),
});

/** A person with a verified e-mail and no tenant. */
export const person = (email: string, name: string | null = "Pia"): Viewer => ({
  ...anonymous,
  person: { id: "00000000-0000-4000-8000-0000000000aa", email, name },
});

export type TenantWorld = Awaited<ReturnType<typeof seedTenants>>;
export type Caller = keyof TenantWorld["callers"];

/** T1 about the own tenant: what each caller meets. */
export const administeringOwnTenant: readonly (readonly [Caller, string])[] = [
  ["an administrator", "ok"],
  ["a client who is administrator", "ok"],
  ["a data steward", "FORBIDDEN"],
  ["a user without roles", "FORBIDDEN"],
  ["the client itself", "FORBIDDEN"],
  ["the administrator of a partner tenant", "ok"],
  ["a disabled client", "UNAUTHENTICATED"],
  ["a removed identity", "UNAUTHENTICATED"],
  ["a person without a tenant", "FORBIDDEN"],
  ["an anonymous caller", "UNAUTHENTICATED"],
];

/** T1 about an identity of the home tenant: what each caller meets. */
export const administeringAnIdentity: readonly (readonly [Caller, string])[] = [
  ["an administrator", "ok"],
  ["a client who is administrator", "ok"],
  ["a data steward", "FORBIDDEN"],
  ["a user without roles", "FORBIDDEN"],
  ["the client itself", "FORBIDDEN"],
  ["the administrator of a partner tenant", "NOT_FOUND"],
  ["the administrator of a tenant never met", "NOT_FOUND"],
  ["a disabled client", "UNAUTHENTICATED"],
  ["a removed identity", "UNAUTHENTICATED"],
  ["a person without a tenant", "NOT_FOUND"],
  ["an anonymous caller", "UNAUTHENTICATED"],
];

/** A tenant with callers of each kind, one that it meets in a community, and one that it does not meet. */
export async function seedTenants(database: TestDatabase) {
  const seed = new Seed(database.owner);
  const home = await seed.tenant("Home");
  const partner = await seed.tenant("Partner");
  const stranger = await seed.tenant("Stranger");
  const identities = {
    administrator: await seed.user(home, ["ACCOUNT_ADMINISTRATOR"]),
    steward: await seed.user(home, ["DATA_STEWARD"]),
    user: await seed.user(home),
    client: await seed.client(home, ["VIEWER"]),
    administeringClient: await seed.client(home, ["ACCOUNT_ADMINISTRATOR"]),
    disabledClient: await seed.client(home, ["ACCOUNT_ADMINISTRATOR"]),
    partner: await seed.user(partner, ["ACCOUNT_ADMINISTRATOR"]),
    partnerClient: await seed.client(partner),
    stranger: await seed.user(stranger, ["ACCOUNT_ADMINISTRATOR"]),
  };
  await database
    .owner("tenant.identities")
    .update({ enabled: false })
    .where({ id: identities.disabledClient.id });
  const community = await seed.community(home);
  await seed.membership(community, partner);
  await seed.member(community.ownerMembership, identities.user);
  return {
    home,
    partner,
    stranger,
    identities,
    secret: await seedSecret(database, identities.client),
    callers: {
      "an administrator": as(identities.administrator),
      "a client who is administrator": as(identities.administeringClient),
      "a data steward": as(identities.steward),
      "a user without roles": as(identities.user),
      "the client itself": as(identities.client),
      "the administrator of a partner tenant": as(identities.partner),
      "the administrator of a tenant never met": as(identities.stranger),
      "a disabled client": as(identities.disabledClient),
      "a removed identity": as({ uuid: neverIssued }),
      "a person without a tenant": person("pia@example.com"),
      "an anonymous caller": anonymous,
    },
  };
}

export const neverIssued = "00000000-0000-4000-8000-000000000000";

export async function seedSecret(
  database: TestDatabase,
  client: Identity,
  expiresAt: string | null = null,
): Promise<string> {
  const [secret] = (await database
    .owner("tenant.client_secrets")
    .insert({
      tenant_id: client.tenantId,
      identity_id: client.id,
      hash: Buffer.from("hash"),
      hint: "hint",
      expires_at: expiresAt,
    })
    .returning("uuid")) as [{ uuid: string }];
  return secret.uuid;
}
