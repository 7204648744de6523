import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import { holds } from "../community/permissions.ts";
import type { MutationUpdateMembershipArgs } from "../generated.ts";

const communityId = (args: { communityId: string }) => args.communityId;

const removesTenants = holds("REMOVE_TENANT", communityId, "communityId");
const leaves = holds("LEAVE", communityId, "communityId");
const pausesSharing = holds("PAUSE_SHARING", communityId, "communityId");
const editsMembership = holds(
  "EDIT_MEMBERSHIP",
  ({ input }: MutationUpdateMembershipArgs) => input.communityId,
  "input.communityId",
);

export const permissions = {
  Mutation: {
    removeTenant: removesTenants, // C8
    leaveCommunity: leaves, // C9
    pauseSharing: pausesSharing, // C10
    resumeSharing: pausesSharing, // C10
    updateMembership: editsMembership, // C12
  },
  Membership: guardedByStore,
  MembershipConnection: guardedByStore,
  MembershipEdge: guardedByStore,
} satisfies PermissionMap;
