import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import { holds } from "../community/permissions.ts";

const communityId = (args: { communityId: string }) => args.communityId;

const removesTenants = holds("REMOVE_TENANT", communityId, "communityId");
const leaves = holds("LEAVE", communityId, "communityId");
const pausesSharing = holds("PAUSE_SHARING", communityId, "communityId");

export const permissions = {
  Mutation: {
    removeTenant: removesTenants, // C8
    leaveCommunity: leaves, // C9
    pauseSharing: pausesSharing, // C10
    resumeSharing: pausesSharing, // C10
  },
  Membership: guardedByStore,
  MembershipConnection: guardedByStore,
  MembershipEdge: guardedByStore,
} satisfies PermissionMap;
