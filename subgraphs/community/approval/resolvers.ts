import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import { approveNewTenant, refuseNewTenant } from "./actions.ts";

export const resolvers = {
  Mutation: {
    approveNewTenant: (_, args, context) => approveNewTenant(args, context),
    refuseNewTenant: (_, args, context) => refuseNewTenant(args, context),
  },
  Membership: {
    waitingTenants: (membership, args, { approvals }) =>
      membership.isMine ? approvals.list(membership, args) : null,
  },
} satisfies Resolvers<CommunityContext>;
