import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";
import {
  acceptInvitation,
  cancelAcceptance,
  declineInvitation,
} from "./answering-actions.ts";
import { confirmInvitation } from "./confirming-actions.ts";
import {
  inviteTenant,
  resendInvitation,
  withdrawInvitation,
} from "./issuing-actions.ts";
import { joiningMeans } from "./letter.ts";

const reference = (id: string | null) => (id === null ? null : { id });

export const resolvers = {
  Query: {
    invitation: (_, { token }, { invitations }) =>
      invitations.getByToken(token, "token"),
  },
  Mutation: {
    inviteTenant: (_, { input }, context) => inviteTenant(input, context),
    resendInvitation: (_, args, context) => resendInvitation(args, context),
    withdrawInvitation: (_, args, context) => withdrawInvitation(args, context),
    acceptInvitation: (_, { input }, context) =>
      acceptInvitation(input, context),
    declineInvitation: (_, args, context) => declineInvitation(args, context),
    cancelAcceptance: (_, args, context) => cancelAcceptance(args, context),
    confirmInvitation: (_, { input }, context) =>
      confirmInvitation(input, context),
  },
  Viewer: {
    acceptedInvitations: (_, args, { invitations }) =>
      invitations.accepted(args),
  },
  Community: {
    invitations: (community, args, { invitations }) =>
      community.myRole === "ADMINISTRATOR"
        ? invitations.list(community, args)
        : null,
  },
  Invitation: {
    __resolveReference: ({ id }, { invitations }) => invitations.find(id),
    joiningMeans: () => joiningMeans,
    community: ({ communityId }, _, { communities }) =>
      communityId === null ? null : communities.find(communityId),
    issuingTenant: ({ issuingTenantId }) => reference(issuingTenantId),
    acceptingTenant: ({ acceptingTenantId }) => reference(acceptingTenantId),
  },
} satisfies Resolvers<CommunityContext>;
