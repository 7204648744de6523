import { conflict, forbidden } from "../../../common/errors.ts";
import { emailFrom } from "../../../common/text.ts";
import { anonymous } from "../../../common/viewer.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  AcceptInvitationInput,
  MutationCancelAcceptanceArgs,
  MutationDeclineInvitationArgs,
} from "../generated.ts";
import { aliasFrom } from "../membership/contact.ts";
import {
  assertFewModerators,
  assertModerators,
  assertState,
  mayNotAccept,
  mayNotCancel,
  mayNotDecline,
  ownObstacles,
} from "./rules.ts";
import { stepEntry } from "./step.ts";
import type { Invitation } from "./store.ts";

/** A person whose token names no identity yet acts as the user that it has been made. */
export async function acceptInvitation(
  { token, moderatorIds, newTenantsRead, ...input }: AcceptInvitationInput,
  { viewer, settings, invitations, inTransaction }: CommunityContext,
): Promise<Invitation> {
  const contactEmail = emailFrom(input.contactEmail, "input.contactEmail");
  const alias = aliasFrom(input.alias);
  assertFewModerators(moderatorIds);
  const user = await invitations.accepter();
  if (user === null) throw forbidden(`You may not ${mayNotAccept}.`);
  return inTransaction(
    async (unit) => {
      const { invitationChanges } = unit;
      await invitationChanges.lockCommunity({ token });
      const candidates = await invitationChanges.lockCandidates(
        user.tenantRowId,
        [user.id, ...moderatorIds],
      );
      const before = await unit.invitations.getByToken(token, "input.token");
      const accepter = await unit.invitations.accepter();
      if (accepter === null) throw forbidden(`You may not ${mayNotAccept}.`);
      assertState(before, "CREATED");
      const obstacle = await invitationChanges.obstacle(
        before,
        accepter.tenantRowId,
      );
      if (obstacle !== null)
        throw conflict(ownObstacles[obstacle], "input.token");
      assertModerators(moderatorIds, candidates);

      await invitationChanges.accept(
        before,
        accepter,
        [...new Set([accepter.id, ...moderatorIds])],
        { contactEmail, alias, newTenantsRead },
        settings.invitations.days,
      );
      const invitation = await unit.invitations.get(before.id, "input.token");
      await notifyIssuer("INVITATION_ACCEPTED", invitation, unit);
      await unit.record(
        "acceptInvitation",
        [stepEntry(invitation, before)],
        [{ id: accepter.id, name: accepter.name, email: accepter.email }],
      );
      return invitation;
    },
    {
      ...anonymous,
      identityId: user.id,
      isEmailProven: viewer.isEmailProven,
    },
  );
}

export async function declineInvitation(
  { token }: MutationDeclineInvitationArgs,
  { inTransaction }: CommunityContext,
): Promise<Invitation> {
  return inTransaction(async (unit) => {
    const { members, invitations, invitationChanges } = unit;
    await invitationChanges.lockCommunity({ token });
    await members.lockIdentities([]);
    const before = await invitations.getByToken(token, "token");
    if (!(await invitations.mayDecline(before)))
      throw forbidden(`You may not ${mayNotDecline}.`);
    assertState(before, "CREATED");
    await invitationChanges.setState(before, "DECLINED");
    const invitation = await invitations.getByToken(token, "token");
    await notifyIssuer("INVITATION_DECLINED", invitation, unit);
    await unit.record("declineInvitation", [stepEntry(invitation, before)]);
    return invitation;
  });
}

export async function cancelAcceptance(
  { id }: MutationCancelAcceptanceArgs,
  { inTransaction }: CommunityContext,
): Promise<Invitation> {
  return inTransaction(async (unit) => {
    await unit.invitationChanges.lockCommunity({ id });
    await unit.members.lockIdentities([]);
    const before = await unit.invitations.get(id, "id");
    if (!before.isAccepting) throw forbidden(`You may not ${mayNotCancel}.`);
    assertState(before, "ACCEPTED");
    await notifyIssuer("INVITATION_CANCELLED", before, unit);
    await unit.invitationChanges.setState(before, "CANCELLED");
    const invitation = await unit.invitations.get(id, "id");
    await unit.record("cancelAcceptance", [stepEntry(invitation, before)]);
    return invitation;
  });
}

/** The administrators of the community are told of an answer, and of an acceptance that is taken back. */
const notifyIssuer = (
  kind: "INVITATION_ACCEPTED" | "INVITATION_DECLINED" | "INVITATION_CANCELLED",
  { communityId, ownerTenantId, acceptingTenantId }: Invitation,
  { notify }: UnitOfWork,
) =>
  notify([
    {
      kind,
      ...(communityId !== null && { communityId }),
      ...(acceptingTenantId !== null && { tenantId: acceptingTenantId }),
      audience: [
        {
          role: "ADMINISTRATOR",
          ...(ownerTenantId !== null && { tenantId: ownerTenantId }),
        },
      ],
    },
  ]);
