import { notFound } from "../../../common/errors.ts";
import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import { holds } from "../community/permissions.ts";
import { rights } from "../community/rights.ts";
import type { CommunityContext } from "../context.ts";
import type { AcceptInvitationInput, InviteTenantInput } from "../generated.ts";
import { mayNotAccept, mayNotCancel, mayNotDecline } from "./rules.ts";

/** A right in the community of an invitation that the caller sees. */
const holdsOver = <Args>(
  right: "INVITE" | "CONFIRM",
  id: (args: Args) => string,
  at: string,
) =>
  can(
    rights[right].action,
    async (
      _viewer,
      args: Args,
      { invitations, communities }: CommunityContext,
    ) => {
      const { communityId, isAccepting } = await invitations.get(id(args), at);
      const community = await communities.find(communityId ?? "");
      if (community !== null && rights[right].isHeldBy(community)) return true;
      // Whoever saw it as its issuer, and is that no more by now, does not see it.
      if (!isAccepting) throw notFound(at);
      return false;
    },
  );

const invites = holds(
  "INVITE",
  ({ input }: { input: InviteTenantInput }) => input.communityId,
  "input.communityId",
);

const managesInvitation = holdsOver(
  "INVITE",
  ({ id }: { id: string }) => id,
  "id",
);

const confirms = holdsOver(
  "CONFIRM",
  ({ input }: { input: { id: string } }) => input.id,
  "input.id",
);

const accepts = can(
  mayNotAccept,
  async (
    _viewer,
    { input }: { input: AcceptInvitationInput },
    { invitations }: CommunityContext,
  ) => {
    await invitations.getByToken(input.token, "input.token");
    return (await invitations.accepter()) !== null;
  },
);

const declines = can(
  mayNotDecline,
  async (
    _viewer,
    { token }: { token: string },
    { invitations }: CommunityContext,
  ) => invitations.mayDecline(await invitations.getByToken(token, "token")),
);

const cancelsAcceptance = can(
  mayNotCancel,
  async (_viewer, { id }: { id: string }, { invitations }: CommunityContext) =>
    (await invitations.get(id, "id")).isAccepting,
);

export const permissions = {
  Query: {
    invitation: signedIn, // C6 (see), in the store
  },
  Mutation: {
    inviteTenant: invites, // C5
    resendInvitation: managesInvitation, // C5
    withdrawInvitation: managesInvitation, // C5
    acceptInvitation: accepts, // C6 (accept)
    declineInvitation: declines, // C6 (decline)
    cancelAcceptance: cancelsAcceptance, // C6 (cancel)
    confirmInvitation: confirms, // C7
  },
  Invitation: guardedByStore,
  InvitationConnection: guardedByStore,
  InvitationEdge: guardedByStore,
} satisfies PermissionMap;
