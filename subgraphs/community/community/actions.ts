import { badInput, forbidden } from "../../../common/errors.ts";
import { descriptionFrom, nameFrom } from "../../../common/text.ts";
import { nothingEnds, type AccessChange } from "../access-change/store.ts";
import type { CommunityContext } from "../context.ts";
import type {
  CreateCommunityInput,
  MutationDeleteCommunityArgs,
  UpdateCommunityInput,
} from "../generated.ts";
import { withdrawalNotice } from "../invitation/notices.ts";
import { endedRoles } from "../member/roles.ts";
import { aliasFrom, contactEmailFrom } from "../membership/contact.ts";
import type { Community, CommunityChange } from "./store.ts";

export async function createCommunity(
  input: CreateCommunityInput,
  { communities, inTransaction }: CommunityContext,
): Promise<Community> {
  const name = nameFrom(input.name, "input.name");
  const description = descriptionFrom(input.description, "input.description");
  const preferredRegion = regionFrom(input.preferredRegion);
  const alias = aliasFrom(input.alias);
  const contactEmail = contactEmailFrom(input.contactEmail);

  const id = await inTransaction(async (unit) => {
    await unit.members.lockSettings();
    await unit.members.lockIdentities([]);
    const founder = await unit.communities.founder();
    if (founder === null)
      throw forbidden(
        "You may no longer create a community. Ask your tenant's account administrator.",
      );
    const community = await unit.communities.add(
      { name, description, preferredRegion },
      founder,
    );
    const membership = await unit.memberships.add(
      community.rowId,
      founder.tenantRowId,
      { alias, contactEmail, newTenantsRead: "AT_ONCE" },
    );
    await unit.members.set(membership.rowId, [
      { rowId: founder.identityRowId, role: "ADMINISTRATOR" },
    ]);

    const communityId = community.id;
    await unit.record(
      "createCommunity",
      [
        {
          kind: "COMMUNITY",
          subjectType: "Community",
          subjectId: community.id,
          tenantIds: null,
          communityId,
          after: { ownerTenantId: founder.tenantId, preferredRegion },
        },
        {
          kind: "MEMBERSHIP",
          subjectType: "Membership",
          subjectId: membership.id,
          tenantIds: null,
          communityId,
          after: { tenantId: founder.tenantId, status: "ACTIVE" },
        },
        {
          kind: "ROLE",
          subjectType: "Identity",
          subjectId: founder.identityId,
          tenantIds: [founder.tenantId],
          communityId,
          after: { role: "ADMINISTRATOR" },
        },
      ],
      [
        { id: community.id, name },
        ...(alias === null && contactEmail === null
          ? []
          : [{ id: membership.id, name: alias, email: contactEmail }]),
      ],
    );
    return community.id;
  });
  return communities.get(id);
}

export async function updateCommunity(
  input: UpdateCommunityInput,
  { communities, inTransaction }: CommunityContext,
): Promise<Community> {
  const change: CommunityChange = {
    ...(input.name !== undefined && { name: newName(input.name) }),
    ...(input.description !== undefined && {
      description: descriptionFrom(input.description, "input.description"),
    }),
    ...(input.preferredRegion !== undefined && {
      preferredRegion: regionFrom(input.preferredRegion),
    }),
  };
  await inTransaction(async ({ communities, members, memberships, record }) => {
    await communities.lock(input.id);
    await memberships.lock(input.id, "MINE");
    await members.lockIdentities([]);
    const before = await communities.require("EDIT", input.id, "input.id");
    await communities.update(before, change);
    await record(
      "updateCommunity",
      [
        {
          kind: "COMMUNITY",
          subjectType: "Community",
          subjectId: before.id,
          tenantIds: null,
          communityId: before.id,
          before: { preferredRegion: before.preferredRegion },
          after: {
            preferredRegion: { ...before, ...change }.preferredRegion,
            changed: Object.keys(change),
          },
        },
      ],
      change.name === undefined ? [] : [{ id: before.id, name: change.name }],
    );
  });
  return communities.get(input.id);
}

export const deleteCommunity = (
  {
    id,
    confirmName,
    dryRun,
    isEndedAsked,
  }: MutationDeleteCommunityArgs & { isEndedAsked: boolean },
  { changeAccess }: CommunityContext,
): Promise<AccessChange> =>
  changeAccess(
    { dryRun },
    async ({
      communities,
      memberships,
      members,
      accessChanges,
      invitationChanges,
      record,
      notify,
    }) => {
      await communities.lock(id);
      const sharingOf = await memberships.lock(id, "ALL");
      await members.lockAll(sharingOf);
      const community = await communities.require("DELETE", id, "id");
      if (confirmName !== community.name)
        throw badInput(
          "This is not the community's name. Repeat the name exactly to delete the community.",
          "confirmName",
        );

      const ended = isEndedAsked
        ? await accessChanges.foresee(community, { sharingOf })
        : nothingEnds;
      const endedShareCount = await accessChanges.countShares(sharingOf);
      const left = await memberships.all(community);
      const roles = await members.rolesOf(sharingOf);
      const withdrawn = await invitationChanges.endAll(community);
      await notify([
        {
          kind: "COMMUNITY_DELETED",
          communityId: community.id,
          tenantId: community.ownerTenantId,
          audience: [
            { role: "MODERATOR", asOfNow: true },
            { role: "ACCOUNT_ADMINISTRATOR", asOfNow: true },
          ],
        },
        ...withdrawn.map(({ tenantId }) =>
          withdrawalNotice(community, tenantId),
        ),
      ]);
      await record(
        "deleteCommunity",
        [
          {
            kind: "COMMUNITY",
            subjectType: "Community",
            subjectId: community.id,
            tenantIds: null,
            communityId: community.id,
            before: {
              ownerTenantId: community.ownerTenantId,
              memberships: left.map(({ id, tenantId, status }) => ({
                id,
                tenantId,
                status,
              })),
            },
            after: { endedShareCount },
          },
          ...endedRoles(community.id, roles),
          ...withdrawn.map((invitation) => ({
            kind: "INVITATION" as const,
            subjectType: "Invitation",
            subjectId: invitation.id,
            tenantIds: [community.ownerTenantId, invitation.tenantId],
            communityId: community.id,
            before: { state: "ACCEPTED" },
            after: { state: "WITHDRAWN" },
          })),
        ],
        [{ id: community.id, name: community.name }],
      );
      await communities.remove(community);
      return { community, ended };
    },
  );

const regionFrom = (region: string | null | undefined) =>
  region == null ? null : nameFrom(region, "input.preferredRegion");

function newName(name: string | null): string {
  if (name === null)
    throw badInput("A community must have a name. Give one.", "input.name");
  return nameFrom(name, "input.name");
}
