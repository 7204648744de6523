import {
  can,
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { CommunityContext } from "../context.ts";
import { mayChangeRoles } from "./roles.ts";

/** Whether over these roles is asked by the action, once it knows the ones that are there. */
const changesRoles = can(
  "change roles in this community; ask your tenant's moderator here",
  async (
    _viewer,
    { input }: { input: { communityId: string } },
    { communities }: CommunityContext,
  ) =>
    mayChangeRoles(
      await communities.get(input.communityId, "input.communityId"),
    ),
);

export const permissions = {
  Mutation: {
    setCommunityRoles: changesRoles, // C11, C13, C14, C16
    removeCommunityMembers: changesRoles, // C11, C13, C14, C16
  },
  CommunityMember: guardedByStore,
  CommunityMemberConnection: guardedByStore,
  CommunityMemberEdge: guardedByStore,
} satisfies PermissionMap;
