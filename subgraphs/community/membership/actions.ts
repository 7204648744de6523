import { badInput, conflict } from "../../../common/errors.ts";
import { nothingEnds, type AccessChange } from "../access-change/store.ts";
import type { RightName } from "../community/rights.ts";
import type { Community } from "../community/store.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  MembershipStatus,
  MutationLeaveCommunityArgs,
  MutationPauseSharingArgs,
  MutationRemoveTenantArgs,
  MutationResumeSharingArgs,
  NewTenantsRead,
  UpdateMembershipInput,
} from "../generated.ts";
import { endedRoles } from "../member/roles.ts";
import { aliasFrom, contactEmailFrom } from "./contact.ts";
import type { Membership, MembershipChange } from "./store.ts";

export async function updateMembership(
  input: UpdateMembershipInput,
  { memberships, inTransaction }: CommunityContext,
): Promise<Membership | null> {
  const change: MembershipChange = {
    ...(input.alias !== undefined && { alias: aliasFrom(input.alias) }),
    ...(input.contactEmail !== undefined && {
      contactEmail: contactEmailFrom(input.contactEmail),
    }),
    ...(input.newTenantsRead !== undefined && {
      newTenantsRead: newTenantsReadFrom(input.newTenantsRead),
    }),
  };
  const id = await inTransaction(async (unit) => {
    const { community, membership } = await lockOwn(
      "EDIT_MEMBERSHIP",
      input.communityId,
      "input.communityId",
      unit,
    );
    await unit.memberships.update(membership, change);
    const { alias, contactEmail } = { ...membership, ...change };
    const { newTenantsRead, ...shown } = change;
    const entry = {
      kind: "MEMBERSHIP",
      subjectType: "Membership",
      subjectId: membership.id,
      communityId: community.id,
    } as const;
    await unit.record(
      "updateMembership",
      [
        ...(newTenantsRead === undefined || Object.keys(shown).length > 0
          ? [
              {
                ...entry,
                tenantIds: null,
                after: { changed: Object.keys(shown) },
              },
            ]
          : []),
        // The others do not see this one (rule 17).
        ...(newTenantsRead === undefined
          ? []
          : [
              {
                ...entry,
                tenantIds: [membership.tenantId],
                before: { newTenantsRead: membership.newTenantsRead },
                after: { newTenantsRead },
              },
            ]),
      ],
      [{ id: membership.id, name: alias, email: contactEmail }],
    );
    return membership.id;
  });
  return memberships.find(id);
}

function newTenantsReadFrom(value: NewTenantsRead | null): NewTenantsRead {
  if (value === null)
    throw badInput(
      "Say AT_ONCE or AFTER_APPROVAL, or leave it out.",
      "input.newTenantsRead",
    );
  return value;
}

export const pauseSharing = (
  {
    communityId,
    dryRun,
    isEndedAsked,
  }: MutationPauseSharingArgs & { isEndedAsked: boolean },
  { changeAccess }: CommunityContext,
): Promise<AccessChange> =>
  changeAccess({ dryRun }, async (unit) => {
    const { community, membership } = await lockOwn(
      "PAUSE_SHARING",
      communityId,
      "communityId",
      unit,
    );
    const ended = isEndedAsked
      ? await unit.accessChanges.foresee(community, {
          sharingOf: [membership.rowId],
        })
      : nothingEnds;
    await setStatus("pauseSharing", community, membership, "PAUSED", unit);
    return { community, ended };
  });

export async function resumeSharing(
  { communityId }: MutationResumeSharingArgs,
  { memberships, inTransaction }: CommunityContext,
): Promise<Membership | null> {
  const id = await inTransaction(async (unit) => {
    const { community, membership } = await lockOwn(
      "PAUSE_SHARING",
      communityId,
      "communityId",
      unit,
    );
    await setStatus("resumeSharing", community, membership, "ACTIVE", unit);
    return membership.id;
  });
  return memberships.find(id);
}

export const leaveCommunity = (
  {
    communityId,
    dryRun,
    isEndedAsked,
  }: MutationLeaveCommunityArgs & { isEndedAsked: boolean },
  { changeAccess }: CommunityContext,
): Promise<AccessChange> =>
  changeAccess({ dryRun }, async (unit) => {
    const { communities, memberships, members } = unit;
    await communities.lock(communityId);
    const rowIds = await memberships.lock(communityId, "MINE");
    const readingOf = await members.lockAll(rowIds);
    const community = await communities.require(
      "LEAVE",
      communityId,
      "communityId",
    );
    const membership = await memberships.getOf(
      communityId,
      community.myTenantId,
    );
    const ended = isEndedAsked
      ? await unit.accessChanges.foresee(community, {
          sharingOf: [membership.rowId],
          readingOf,
        })
      : nothingEnds;
    await end("leaveCommunity", community, membership, unit);
    return { community, ended };
  });

export const removeTenant = (
  {
    communityId,
    tenantId,
    dryRun,
    isEndedAsked,
  }: MutationRemoveTenantArgs & { isEndedAsked: boolean },
  { changeAccess }: CommunityContext,
): Promise<AccessChange> =>
  changeAccess({ dryRun }, async (unit) => {
    const { communities, memberships, members } = unit;
    await communities.lock(communityId);
    const rowIds = await memberships.lock(communityId, { tenantId });
    const readingOf = await members.lockAll(rowIds);
    const community = await communities.require(
      "REMOVE_TENANT",
      communityId,
      "communityId",
    );
    const membership = await memberships.getOf(
      communityId,
      tenantId,
      "tenantId",
    );
    if (membership.isOwner)
      throw conflict(
        "This tenant owns the community and cannot be removed. Transfer its ownership first, or delete the community.",
        "tenantId",
      );
    const ended = isEndedAsked
      ? await unit.accessChanges.foresee(community, {
          sharingOf: [membership.rowId],
          readingOf,
        })
      : nothingEnds;
    await end("removeTenant", community, membership, unit);
    return { community, ended };
  });

/** The own membership, locked together with the role that lets the caller change it. */
async function lockOwn(
  right: RightName,
  communityId: string,
  at: string,
  { communities, memberships, members }: UnitOfWork,
): Promise<{ community: Community; membership: Membership }> {
  await communities.lock(communityId);
  await memberships.lock(communityId, "MINE");
  await members.lockIdentities([]);
  const community = await communities.require(right, communityId, at);
  const membership = await memberships.getOf(communityId, community.myTenantId);
  return { community, membership };
}

async function setStatus(
  action: string,
  community: Community,
  membership: Membership,
  status: MembershipStatus,
  { memberships, record, notify }: UnitOfWork,
): Promise<void> {
  if (membership.status === status) return;
  await memberships.setStatus(membership, status);
  await notify([
    {
      kind: status === "PAUSED" ? "SHARING_PAUSED" : "SHARING_RESUMED",
      communityId: community.id,
      tenantId: membership.tenantId,
      audience: [{ role: "MODERATOR" }],
    },
  ]);
  await record(action, [
    {
      kind: "MEMBERSHIP",
      subjectType: "Membership",
      subjectId: membership.id,
      tenantIds: null,
      communityId: community.id,
      before: { status: membership.status },
      after: { status },
    },
  ]);
}

async function end(
  action: "leaveCommunity" | "removeTenant",
  community: Community,
  membership: Membership,
  { memberships, members, accessChanges, record, notify }: UnitOfWork,
): Promise<void> {
  const endedShareCount = await accessChanges.countShares([membership.rowId]);
  const roles = await members.rolesOf([membership.rowId]);
  const ofTenant = { tenantId: membership.tenantId };
  await notify([
    {
      kind: action === "leaveCommunity" ? "TENANT_LEFT" : "TENANT_REMOVED",
      communityId: community.id,
      tenantId: membership.tenantId,
      audience: [
        { role: "MODERATOR" },
        { ...ofTenant, role: "MODERATOR", asOfNow: true },
        { ...ofTenant, role: "ACCOUNT_ADMINISTRATOR" },
      ],
    },
  ]);
  await record(action, [
    {
      kind: "MEMBERSHIP",
      subjectType: "Membership",
      subjectId: membership.id,
      tenantIds: null,
      communityId: community.id,
      before: { tenantId: membership.tenantId, status: membership.status },
      after: { endedShareCount },
    },
    ...endedRoles(community.id, roles),
  ]);
  await memberships.remove(membership);
}
