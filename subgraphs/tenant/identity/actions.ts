import { randomUUID } from "node:crypto";
import { conflict } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { sendLimitedMail } from "../../../common/mail-store.ts";
import { notify } from "../../../notices/store.ts";
import {
  createOneUseLink,
  newUserMail,
  passwordMail,
} from "../../../common/one-use-link.ts";
import type { Knex } from "../../../common/database.ts";
import { emailFrom, nameFrom } from "../../../common/text.ts";
import type { Call } from "../../../common/viewer.ts";
import type { TenantContext } from "../context.ts";
import type {
  CreateClientInput,
  CreateUserInput,
  MutationSetClientEnabledArgs,
  SetClientRolesInput,
  SetUserRolesInput,
  TenantRole,
} from "../generated.ts";
import { SecretChangeStore } from "../secret/change-store.ts";
import { createSecret, expiryFrom } from "../secret/plain-secret.ts";
import type { ClientSecret } from "../secret/store.ts";
import type { TenantKey } from "../tenant/change-store.ts";
import {
  IdentityChangeStore,
  type IdentityKind,
  type LockedIdentity,
  type StoredRole,
} from "./change-store.ts";
import { leadershipNotices } from "./leadership.ts";
import { IdentityStore, type Client, type User } from "./store.ts";

/** Where people sign in here, the person can set a password by a link, unless the e-mail has one already. */
export async function createUser(
  input: CreateUserInput,
  { db, viewer, call, settings }: TenantContext,
): Promise<User | null> {
  const name = nameFrom(input.name, "input.name");
  const email = emailFrom(input.email, "input.email");
  const roles = storedRoles(input.roles);
  const link = createOneUseLink(settings.publicUrl);
  return db.transaction(async (transaction) => {
    const identities = new IdentityChangeStore(transaction);
    const { tenant } = await identities.lockAsAdministrator(viewer);
    const id = await identities.addUser(tenant, { name, email, roles });
    const mail = !settings.isBuiltInOn
      ? newUserMail(email, settings.publicUrl)
      : (await identities.addLink(email, link))
        ? passwordMail(email, link)
        : undefined;
    if (mail)
      await sendLimitedMail(transaction, mail, {
        tenantId: tenant.uuid,
        kind: "NEW_USER",
        what: "e-mails to new users",
        perDay: settings.userMailsPerDay,
      });
    await record(
      transaction,
      call,
      "createUser",
      [{ ...entry("IDENTITY", tenant, "USER", id), after: { roles } }],
      [{ id, name, email }],
    );
    return new IdentityStore(transaction, viewer.identityId).findUser(id);
  });
}

/** A program and its first secret, whose plain text leaves here and is kept nowhere. */
export async function createClient(
  input: CreateClientInput,
  { db, viewer, call }: TenantContext,
): Promise<{
  client: Client;
  secret: ClientSecret;
  plainSecret: string;
} | null> {
  const name = nameFrom(input.name, "input.name");
  const roles = storedRoles(input.roles);
  const expiresAt = expiryFrom(input.secretExpiresAt, "input.secretExpiresAt");
  const { plainSecret, ...kept } = createSecret();
  return db.transaction(async (transaction) => {
    const identities = new IdentityChangeStore(transaction);
    const { tenant } = await identities.lockAsAdministrator(viewer);
    const clientId = randomUUID();
    const { id, uuid } = await identities.addClient(tenant, {
      name,
      clientId,
      roles,
    });
    const secret = await new SecretChangeStore(transaction, tenant, { id }).add(
      { ...kept, expiresAt },
    );
    await record(
      transaction,
      call,
      "createClient",
      [
        {
          ...entry("IDENTITY", tenant, "CLIENT", uuid),
          after: {
            roles,
            secret: { id: secret.id, expiresAt: secret.expiresAt },
          },
        },
      ],
      [{ id: uuid, name }],
    );
    const client = await new IdentityStore(
      transaction,
      viewer.identityId,
    ).findClient(uuid);
    return client && { client, secret, plainSecret };
  });
}

export const setUserRoles = (
  input: SetUserRolesInput,
  context: TenantContext,
) =>
  setRoles("USER", input, context, (identities) =>
    identities.findUser(input.id),
  );

export const setClientRoles = (
  input: SetClientRolesInput,
  context: TenantContext,
) =>
  setRoles("CLIENT", input, context, (identities) =>
    identities.findClient(input.id),
  );

async function setRoles<T>(
  kind: IdentityKind,
  input: { id: string; roles: readonly TenantRole[] },
  { db, viewer, call }: TenantContext,
  answer: (identities: IdentityStore) => Promise<T>,
): Promise<T> {
  const roles = storedRoles(input.roles);
  return db.transaction(async (transaction) => {
    const identities = new IdentityChangeStore(transaction);
    const { tenant, target } = await identities.lockTarget(
      viewer,
      kind,
      input.id,
      "input.id",
    );
    const set = () => identities.setRoles(tenant, target, roles);
    // No other role says who can lead in a community.
    if (
      target.roles.includes(administrator) &&
      !roles.includes(administrator)
    ) {
      const at = "input.roles";
      await assertNotLastAdministrator(identities, tenant, target, at);
      await tellingLeaders({ transaction, call, tenant, target }, set);
    } else await set();
    await record(
      transaction,
      call,
      kind === "USER" ? "setUserRoles" : "setClientRoles",
      [
        {
          ...entry("ROLE", tenant, kind, target.uuid),
          before: { roles: target.roles },
          after: { roles },
        },
      ],
    );
    return answer(new IdentityStore(transaction, viewer.identityId));
  });
}

export async function setClientEnabled(
  { id, enabled }: MutationSetClientEnabledArgs,
  { db, viewer, call }: TenantContext,
): Promise<Client | null> {
  return db.transaction(async (transaction) => {
    const identities = new IdentityChangeStore(transaction);
    const { tenant, target } = await identities.lockTarget(
      viewer,
      "CLIENT",
      id,
      "id",
    );
    // Read before: a client that disables itself sees nothing afterwards.
    const client = await new IdentityStore(
      transaction,
      viewer.identityId,
    ).findClient(id);
    await tellingLeaders({ transaction, call, tenant, target }, () =>
      identities.setEnabled(tenant, target, enabled),
    );
    await record(transaction, call, "setClientEnabled", [
      {
        ...entry("IDENTITY", tenant, "CLIENT", id),
        before: { enabled: target.enabled },
        after: { enabled },
      },
    ]);
    return client && { ...client, enabled };
  });
}

/** With every role and access; answers the id, which is never used again. */
export async function removeIdentity(
  kind: IdentityKind,
  id: string,
  { db, viewer, call }: TenantContext,
): Promise<string> {
  return db.transaction(async (transaction) => {
    const identities = new IdentityChangeStore(transaction);
    const { tenant, target } = await identities.lockTarget(
      viewer,
      kind,
      id,
      "id",
    );
    await assertNotLastAdministrator(identities, tenant, target, "id");
    await tellingLeaders({ transaction, call, tenant, target }, () =>
      identities.remove(tenant, target),
    );
    await record(
      transaction,
      call,
      kind === "USER" ? "removeUser" : "removeClient",
      [
        {
          ...entry("IDENTITY", tenant, kind, id),
          before: { roles: target.roles },
        },
      ],
    );
    return id;
  });
}

const administrator = "ACCOUNT_ADMINISTRATOR";

/** T1. The tenant's lock keeps the others where they are until the transaction ends. */
async function assertNotLastAdministrator(
  identities: IdentityChangeStore,
  tenant: TenantKey,
  target: LockedIdentity,
  at: string,
): Promise<void> {
  if (target.kind !== "USER" || !target.roles.includes(administrator)) return;
  if (!(await identities.hasOtherAdministrator(tenant, target)))
    throw conflict(
      "A tenant must keep a user who is ACCOUNT_ADMINISTRATOR. Make another user one first.",
      at,
    );
}

/** Changes an identity, and tells its tenant what that means for the communities which it leads. */
async function tellingLeaders(
  {
    transaction,
    call,
    tenant,
    target,
  }: {
    transaction: Knex.Transaction;
    call: Call;
    tenant: TenantKey;
    target: LockedIdentity;
  },
  change: () => Promise<void>,
): Promise<void> {
  const identities = new IdentityChangeStore(transaction);
  const before = await identities.ledPlaces(target);
  await change();
  const after = before.length === 0 ? [] : await identities.ledPlaces(target);
  await notify(
    transaction,
    call,
    leadershipNotices(
      { tenantId: tenant.uuid, identityId: target.uuid },
      before,
      after,
    ),
  );
}

/** Each once, and without MEMBER, which goes without saying. */
const storedRoles = (roles: readonly TenantRole[]): StoredRole[] =>
  [...new Set(roles)].filter((role) => role !== "MEMBER").sort();

const entry = (
  kind: "IDENTITY" | "ROLE",
  tenant: TenantKey,
  identityKind: IdentityKind,
  subjectId: string,
) => ({
  kind,
  subjectType: identityKind === "USER" ? "User" : "Client",
  subjectId,
  tenantIds: [tenant.uuid],
});
