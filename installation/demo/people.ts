import { randomBytes } from "node:crypto";
import type { Knex } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import type { OperatorStore } from "../../commands/operator-store.ts";
import { addPerson } from "../../issuer/persons.ts";
import { Actor } from "./actor.ts";
import { tenants, users, type TenantKey } from "./world.ts";

/** An identity as demo.json lists it. */
export interface DemoIdentity {
  readonly kind: "user" | "client";
  readonly id: string;
  readonly name: string;
  readonly email?: string;
  readonly password?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly tenantId: string;
  readonly tenantRoles: readonly string[];
  readonly communityRoles: { communityId: string; role: string }[];
}

/** One company of the demo, and who acts for it. */
export interface Company {
  readonly key: TenantKey;
  readonly id: string;
  readonly name: string;
  readonly administrator: DemoIdentity;
  readonly steward: DemoIdentity;
  readonly client: DemoIdentity;
  readonly identities: readonly DemoIdentity[];
}

/** Founds a company with a user of every role and a client; each user gets a password of its own. */
export async function foundCompany(
  key: TenantKey,
  operator: OperatorStore,
  subgraphs: readonly Subgraph[],
  issuer: Knex,
  publicUrl: URL,
): Promise<Company> {
  const { name, domain } = tenants[key];
  const emailOf = (local: string) => `${local}@${domain}`;
  const [first, ...others] = users;
  const founded = await operator.found(
    {
      name,
      region: "eu-central",
      entitlements: ["COMMUNITIES"],
      founder: { name: first.name, email: emailOf(first.local) },
    },
    publicUrl,
  );
  const tenantId = founded.id;
  const administrator = new Actor(subgraphs, founded.founderId);
  const ids = [founded.founderId];
  for (const user of others) {
    const input = {
      name: user.name,
      email: emailOf(user.local),
      roles: user.roles,
    };
    ids.push(
      (await administrator.input<{ id: string }>("createUser", input, "{ id }"))
        .id,
    );
  }
  const people = await Promise.all(
    users.map(async (user, i) => {
      const email = emailOf(user.local);
      const password = randomBytes(12).toString("base64url");
      await addPerson(issuer, { email, name: user.name, password });
      return {
        kind: "user",
        id: ids[i] as string,
        name: user.name,
        email,
        password,
        tenantId,
        tenantRoles: user.roles,
        communityRoles: [],
      } satisfies DemoIdentity;
    }),
  );
  const client = await createClient(
    administrator,
    tenantId,
    key === "analytics" ? "VIEWER" : "CONTRIBUTOR",
  );
  const byRole = (role: string) =>
    people.find(({ tenantRoles }) => tenantRoles.some((had) => had === role)) ??
    people[0];
  return {
    key,
    id: tenantId,
    name,
    client,
    administrator: byRole("ACCOUNT_ADMINISTRATOR") as DemoIdentity,
    steward: byRole("DATA_STEWARD") as DemoIdentity,
    identities: [...people, client],
  };
}

async function createClient(
  administrator: Actor,
  tenantId: string,
  role: "CONTRIBUTOR" | "VIEWER",
): Promise<DemoIdentity> {
  const name = role === "CONTRIBUTOR" ? "Historian connector" : "Analytics job";
  const created = await administrator.input<{
    client: { id: string; clientId: string };
    plainSecret: string;
  }>(
    "createClient",
    { name, roles: [role] },
    "{ client { id clientId } plainSecret }",
  );
  return {
    kind: "client",
    id: created.client.id,
    name,
    clientId: created.client.clientId,
    clientSecret: created.plainSecret,
    tenantId,
    tenantRoles: [role],
    communityRoles: [],
  };
}
