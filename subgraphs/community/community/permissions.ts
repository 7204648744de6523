import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { CommunityContext } from "../context.ts";
import type {
  MutationDeleteCommunityArgs,
  MutationUpdateCommunityArgs,
} from "../generated.ts";
import { rights, type RightName } from "./rights.ts";

/** A right in the community that the arguments name: NOT_FOUND where the caller may not even see it. */
export const holds = <Args>(
  right: RightName,
  communityId: (args: Args) => string,
  at: string,
) =>
  can(
    rights[right].action,
    async (_viewer, args: Args, { communities }: CommunityContext) =>
      rights[right].isHeldBy(await communities.get(communityId(args), at)),
  );

const foundsCommunities = can(
  "create a community; that is for users whom a tenant entitled to communities lets do so, its account administrators always",
  async (_viewer, _args, { communities }: CommunityContext) =>
    (await communities.founder()) !== null,
);

const editsCommunity = holds(
  "EDIT",
  ({ input }: MutationUpdateCommunityArgs) => input.id,
  "input.id",
);

const deletesCommunity = holds(
  "DELETE",
  ({ id }: MutationDeleteCommunityArgs) => id,
  "id",
);

export const permissions = {
  Query: {
    viewer: signedIn, // T2
    community: signedIn, // C2, in the store
    communities: signedIn, // C2, in the store
  },
  Mutation: {
    createCommunity: foundsCommunities, // C1
    updateCommunity: editsCommunity, // C3
    deleteCommunity: deletesCommunity, // C4
  },
  Viewer: guardedByStore,
  Community: guardedByStore,
  CommunityConnection: guardedByStore,
  CommunityEdge: guardedByStore,
  // Ids alone, of what the objects that carry them may show.
  Tenant: guardedByStore,
  Identity: guardedByStore,
  Stream: guardedByStore,
} satisfies PermissionMap;
