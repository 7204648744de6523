import {
  badInput,
  conflict,
  DomainError,
  forbidden,
  limitExceeded,
  notFound,
} from "../../../common/errors.ts";
import { nothingEnds, type AccessChange } from "../access-change/store.ts";
import { rights } from "../community/rights.ts";
import type { Community } from "../community/store.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  CommunityRole,
  RemoveCommunityMembersInput,
  SetCommunityRolesInput,
} from "../generated.ts";
import { mayChangeRoles, missingRight, roleNotices } from "./roles.ts";
import type { OwnIdentity } from "./store.ts";

const maxChanges = 1000;

/** The role that an identity is to have, null for none; `at` is where the arguments say so. */
interface Wish {
  readonly identityId: string;
  readonly role: CommunityRole | null;
  readonly at: string;
}

interface RoleChange {
  readonly identity: OwnIdentity;
  readonly role: CommunityRole | null;
}

export async function setCommunityRoles(
  { communityId, members, dryRun }: SetCommunityRolesInput,
  { changeAccess }: CommunityContext,
): Promise<AccessChange> {
  const wishes = members.map(({ identityId, role }, i) => ({
    identityId,
    role,
    at: `input.members.${i}`,
  }));
  assertSensible(wishes, "input.members");
  return changeAccess({ dryRun }, async (unit) => {
    const community = await lockRoles(communityId, wishes, unit);
    const changes = await allowedChanges(community, wishes, unit);
    const set = await keepingTheLast(community, unit, () =>
      unit.members.set(
        community.myMembershipRowId,
        members.map(({ role }, i) => ({
          rowId: changes[i]?.identity.rowId as number,
          role,
        })),
      ),
    );
    await tellOfRoles("setCommunityRoles", community, changes, unit);
    // Whoever takes part reads, in every role.
    return { community, ended: nothingEnds, members: set };
  });
}

export async function removeCommunityMembers(
  {
    communityId,
    identityIds,
    dryRun,
    isEndedAsked,
  }: RemoveCommunityMembersInput & { isEndedAsked: boolean },
  { changeAccess }: CommunityContext,
): Promise<AccessChange> {
  const wishes = identityIds.map((identityId, i) => ({
    identityId,
    role: null,
    at: `input.identityIds.${i}`,
  }));
  assertSensible(wishes, "input.identityIds");
  return changeAccess({ dryRun }, async (unit) => {
    const community = await lockRoles(communityId, wishes, unit);
    const changes = await allowedChanges(community, wishes, unit);
    const rowIds = changes.map(({ identity }) => identity.rowId);
    const ended = isEndedAsked
      ? await unit.accessChanges.foresee(community, { readingOf: rowIds })
      : nothingEnds;
    await keepingTheLast(community, unit, () =>
      unit.members.remove(community.myMembershipRowId, rowIds),
    );
    await tellOfRoles("removeCommunityMembers", community, changes, unit);
    return { community, ended };
  });
}

function assertSensible(wishes: readonly Wish[], at: string): void {
  if (wishes.length === 0) throw badInput("Name at least one identity.", at);
  if (wishes.length > maxChanges)
    throw limitExceeded(
      "identities a call",
      maxChanges,
      wishes.length,
      "Split them over several calls.",
      at,
    );
  const seen = new Set<string>();
  for (const wish of wishes) {
    if (seen.has(wish.identityId))
      throw badInput("This identity is named twice. Name it once.", wish.at);
    seen.add(wish.identityId);
  }
}

async function lockRoles(
  communityId: string,
  wishes: readonly Wish[],
  { communities, memberships, members }: UnitOfWork,
): Promise<Community> {
  await communities.lock(communityId);
  await memberships.lock(communityId, "MINE");
  await members.lockSettings();
  await members.lockIdentities(wishes.map(({ identityId }) => identityId));
  const community = await communities.get(communityId, "input.communityId");
  if (!mayChangeRoles(community))
    throw forbidden(
      "You may no longer change roles in this community. Ask your tenant's moderator here.",
    );
  return community;
}

async function allowedChanges(
  community: Community,
  wishes: readonly Wish[],
  { members }: UnitOfWork,
): Promise<RoleChange[]> {
  const own = await members.ownIdentities(
    community,
    wishes.map(({ identityId }) => identityId),
  );
  return wishes.map(({ identityId, role, at }) => {
    const identity = own.get(identityId);
    const isOutAlready = role === null && identity?.role === null;
    if (!identity || isOutAlready) throw notFound(at);
    assertAllowed(community, identity, role, at);
    return { identity, role };
  });
}

function assertAllowed(
  community: Community,
  identity: OwnIdentity,
  role: CommunityRole | null,
  at: string,
): void {
  const missing = missingRight(community, identity.role, role);
  if (missing) throw refused(`You may not ${rights[missing].action}.`, at);
  if (role === identity.role) return;
  if (role === "ADMINISTRATOR" && identity.kind === "CLIENT")
    throw refused("A client cannot be ADMINISTRATOR. Choose a user.", at);
  if (role === "MODERATOR" && !identity.mayModerate)
    throw refused(
      "Only an account administrator of its tenant can be MODERATOR. Give it that role first, or choose another.",
      at,
    );
}

const refused = (message: string, at: string) =>
  new DomainError("FORBIDDEN", message, { at });

/** Rule 5: a change that leaves nobody to look after the community, or after the own tenant in it, does not happen. */
async function keepingTheLast<T>(
  community: Community,
  { members }: UnitOfWork,
  change: () => Promise<T>,
): Promise<T> {
  const before = await members.countKeepers(community);
  const changed = await change();
  if (before > 0 && (await members.countKeepers(community)) === 0)
    throw conflict(
      community.isOwn
        ? "The community would be left without an administrator. Appoint another one first."
        : "Your tenant would be left without a moderator here. Appoint another one first, or leave the community.",
    );
  return changed;
}

async function tellOfRoles(
  action: string,
  community: Community,
  changes: readonly RoleChange[],
  { record, notify }: UnitOfWork,
): Promise<void> {
  const made = changes.filter(({ identity, role }) => identity.role !== role);
  await record(
    action,
    made.map(({ identity, role }) => ({
      kind: "ROLE",
      subjectType: "Identity",
      subjectId: identity.id,
      tenantIds: [community.myTenantId],
      communityId: community.id,
      before: { role: identity.role },
      after: { role },
    })),
  );
  await notify(
    roleNotices(
      community,
      made.map(({ identity, role }) => ({
        identityId: identity.id,
        from: identity.role,
        to: role,
      })),
    ),
  );
}
