import type { Knex } from "../../../common/database.ts";
import { badInput, forbidden, notFound } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { notify, type NewNotice } from "../../../notices/store.ts";
import { nameFrom } from "../../../common/text.ts";
import type { Call } from "../../../common/viewer.ts";
import type { TenantContext } from "../context.ts";
import type {
  Entitlement,
  SignUpTenantInput,
  TenantRole,
  UpdateTenantInput,
} from "../generated.ts";
import { IdentityChangeStore } from "../identity/change-store.ts";
import {
  TenantChangeStore,
  type LeaderlessPlace,
  type TenantChange,
} from "./change-store.ts";
import { TenantStore, type Tenant, type TenantPolicy } from "./store.ts";

/** T5: the person becomes the administrator of a tenant of its own. */
export async function signUpTenant(
  input: SignUpTenantInput,
  { db, viewer: { person }, call, settings: { signUp } }: TenantContext,
): Promise<Tenant | null> {
  if (person === null || signUp.mode === "off")
    throw forbidden(
      "You may not found a tenant: the operator of this installation founds them. Ask the operator.",
    );
  const userName = input.userName ?? person.name;
  if (userName === null)
    throw badInput("Your sign-in has no name. Give yours.", "input.userName");
  const tenant = {
    name: input.name,
    region: input.region,
    entitlements: signUp.entitlements,
    founder: { name: userName, email: person.email },
  };
  return db.transaction(async (transaction) => {
    const tenants = new TenantChangeStore(transaction);
    if (signUp.mode === "invitation")
      await assertInvited(input.invitationToken, tenants);
    if (await tenants.hasUser(person.email))
      throw forbidden(
        "You may not found a tenant: your e-mail belongs to a user of one already. Sign in again to be that user.",
      );
    const founded = await foundTenant(
      transaction,
      call,
      "signUpTenant",
      tenant,
    );
    return new TenantStore(transaction, founded.founderId).find(founded.id);
  });
}

async function assertInvited(
  token: string | null | undefined,
  tenants: TenantChangeStore,
): Promise<void> {
  if (token == null)
    throw forbidden(
      "You may not found a tenant without an invitation. Give as invitationToken what your invitation's link ends with.",
    );
  if (!(await tenants.isInvited(token)))
    throw notFound("input.invitationToken");
}

/** A tenant and its first user, who administers it: founded by sign-up or by the operator. */
export async function foundTenant(
  transaction: Knex.Transaction,
  call: Call,
  action: string,
  input: {
    name: string;
    region: string | null | undefined;
    entitlements: readonly Entitlement[];
    founder: { name: string; email: string };
  },
): Promise<{ id: string; founderId: string }> {
  const name = nameFrom(input.name, "input.name");
  const region = regionFrom(input.region);
  const { entitlements } = input;
  const founder = {
    name: nameFrom(input.founder.name, "input.userName"),
    email: input.founder.email,
  };
  const tenant = await new TenantChangeStore(transaction).insert({
    name,
    region,
    entitlements,
  });
  const roles = ["ACCOUNT_ADMINISTRATOR"] as const;
  const founderId = await new IdentityChangeStore(transaction).addUser(tenant, {
    ...founder,
    roles,
  });
  const tenantIds = [tenant.uuid];
  await record(
    transaction,
    call,
    action,
    [
      {
        kind: "TENANT",
        subjectType: "Tenant",
        subjectId: tenant.uuid,
        tenantIds,
        after: { region, entitlements },
      },
      {
        kind: "IDENTITY",
        subjectType: "User",
        subjectId: founderId,
        tenantIds,
        after: { roles },
      },
    ],
    [
      { id: tenant.uuid, name },
      { id: founderId, ...founder },
    ],
  );
  return { id: tenant.uuid, founderId };
}

export async function updateTenant(
  input: UpdateTenantInput,
  { db, viewer, call }: TenantContext,
): Promise<Tenant | null> {
  const policy = policyFrom(input);
  const change: TenantChange = {
    ...(input.name !== undefined && { name: newName(input.name) }),
    ...(input.region !== undefined && { region: regionFrom(input.region) }),
    ...policy,
  };
  return db.transaction(async (transaction) => {
    const { tenant } = await new IdentityChangeStore(
      transaction,
    ).lockAsAdministrator(viewer, {
      claimSettings: Object.keys(policy).length > 0,
    });
    const tenants = new TenantStore(transaction, viewer.identityId);
    const before = await tenants.find(tenant.uuid);
    const changes = new TenantChangeStore(transaction);
    const isStricter =
      before?.moderatorsAreAdministrators === false &&
      policy.moderatorsAreAdministrators === true;
    const leaderless = isStricter ? await changes.leaderlessPlaces(tenant) : [];
    await changes.update(tenant, change);
    if (isStricter)
      await notify(
        transaction,
        call,
        appointmentNotices(
          tenant.uuid,
          leaderless,
          await changes.leaderlessPlaces(tenant),
        ),
      );
    const after = await tenants.find(tenant.uuid);
    await record(
      transaction,
      call,
      "updateTenant",
      [
        {
          kind: "TENANT",
          subjectType: "Tenant",
          subjectId: tenant.uuid,
          tenantIds: [tenant.uuid],
          before: recorded(before),
          after: { ...recorded(after), renamed: "name" in change },
        },
      ],
      "name" in change ? [{ id: tenant.uuid, name: change.name }] : [],
    );
    return after;
  });
}

/** A stricter policy takes no role, and yet may leave nobody who can act: whoever can appoint somebody is told. */
function appointmentNotices(
  tenantId: string,
  before: readonly LeaderlessPlace[],
  after: readonly LeaderlessPlace[],
): NewNotice[] {
  const known = new Set(before.map(({ communityId }) => communityId));
  return after
    .filter(({ communityId }) => !known.has(communityId))
    .map((place) => ({
      ...place,
      kind: "APPOINTMENT_WANTED",
      tenantId,
      audience: [{ role: "ACCOUNT_ADMINISTRATOR", tenantId }],
    }));
}

const recorded = (tenant: Tenant | null) =>
  tenant && {
    region: tenant.region,
    moderatorsAreAdministrators: tenant.moderatorsAreAdministrators,
    communityFounders: tenant.communityFounders,
    usesPseudonyms: tenant.usesPseudonyms,
  };

function policyFrom({
  moderatorsAreAdministrators,
  communityFounders,
  usesPseudonyms,
}: UpdateTenantInput): Partial<TenantPolicy> {
  return {
    ...(moderatorsAreAdministrators !== undefined && {
      moderatorsAreAdministrators: decided(
        moderatorsAreAdministrators,
        "input.moderatorsAreAdministrators",
      ),
    }),
    ...(communityFounders !== undefined && {
      communityFounders: founderRoles(
        decided(communityFounders, "input.communityFounders"),
      ),
    }),
    ...(usesPseudonyms !== undefined && {
      usesPseudonyms: decided(usesPseudonyms, "input.usesPseudonyms"),
    }),
  };
}

function decided<T>(value: T | null, at: string): T {
  if (value === null)
    throw badInput("This cannot be empty. Give a value, or leave it out.", at);
  return value;
}

/** Each once, and without the one that always may. */
const founderRoles = (roles: readonly TenantRole[]): TenantRole[] =>
  [...new Set(roles)].filter((role) => role !== "ACCOUNT_ADMINISTRATOR").sort();

function newName(name: string | null): string {
  if (name === null)
    throw badInput("A tenant must have a name. Give one.", "input.name");
  return nameFrom(name, "input.name");
}

const maxRegionLength = 100;

const regionFrom = (region: string | null | undefined) =>
  region == null ? null : nameFrom(region, "input.region", maxRegionLength);
