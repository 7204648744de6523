import { conflict, rateLimited } from "../../../common/errors.ts";
import { emailFrom } from "../../../common/text.ts";
import type { Community } from "../community/store.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  InviteTenantInput,
  MutationResendInvitationArgs,
  MutationWithdrawInvitationArgs,
} from "../generated.ts";
import { letter, letterLimit, messageFrom } from "./letter.ts";
import { createInvitationLink } from "./link.ts";
import { withdrawalNotice } from "./notices.ts";
import { assertState, wrongState } from "./rules.ts";
import { stepEntry } from "./step.ts";
import type { Invitation } from "./store.ts";

export async function inviteTenant(
  { communityId, ...input }: InviteTenantInput,
  {
    settings: { publicUrl, invitations: limits },
    inTransaction,
  }: CommunityContext,
): Promise<Invitation> {
  const email = emailFrom(input.email, "input.email");
  const message = messageFrom(
    input.message,
    limits.messageLength,
    "input.message",
  );
  return inTransaction(async (unit) => {
    const { communities, members, invitations, invitationChanges } = unit;
    await communities.lock(communityId);
    await members.lockIdentities([]);
    const community = await communities.require(
      "INVITE",
      communityId,
      "input.communityId",
    );
    const { myTenantId } = community;
    if (
      !limits.afterDecline &&
      (await invitationChanges.wasDeclined(myTenantId, email))
    )
      throw declinedBefore("input.email");

    const link = createInvitationLink(publicUrl);
    const id = await invitationChanges.add(
      community,
      { email, message },
      link,
      limits.days,
    );
    const invitation = await invitations.get(id, "input.communityId");
    await unit.sendMail(
      letter(invitation, link),
      letterLimit(myTenantId, limits.perDay),
    );
    await unit.notify([
      {
        kind: "INVITED",
        communityId,
        tenantId: myTenantId,
        audience: [{ email }],
      },
    ]);
    await unit.record(
      "inviteTenant",
      [stepEntry(invitation, null)],
      [{ id, email }],
    );
    return invitation;
  });
}

export async function resendInvitation(
  { id }: MutationResendInvitationArgs,
  {
    settings: { publicUrl, invitations: limits },
    inTransaction,
  }: CommunityContext,
): Promise<Invitation> {
  return inTransaction(async (unit) => {
    const { invitations, invitationChanges } = unit;
    const { before, community } = await lockAsIssuer(id, unit);
    const isUnanswered =
      before.state === "CREATED" ||
      (before.state === "EXPIRED" && before.acceptedAt === null);
    if (!isUnanswered) throw wrongState(before);
    if (await invitationChanges.wasSentWithin(before, limits.resendMinutes))
      throw rateLimited(
        `This invitation was sent less than ${limits.resendMinutes} minutes ago. Give it time to arrive, then try again.`,
      );
    if (
      !limits.afterDecline &&
      (await invitationChanges.wasDeclined(community.myTenantId, before.email))
    )
      throw declinedBefore("id");

    const link = createInvitationLink(publicUrl);
    await invitationChanges.renew(before, link, limits.days);
    const invitation = await invitations.get(id, "id");
    await unit.sendMail(
      letter(invitation, link),
      letterLimit(community.myTenantId, limits.perDay),
    );
    await unit.record("resendInvitation", [stepEntry(invitation, before)]);
    return invitation;
  });
}

export async function withdrawInvitation(
  { id }: MutationWithdrawInvitationArgs,
  { inTransaction }: CommunityContext,
): Promise<Invitation> {
  return inTransaction(async (unit) => {
    const { before, community } = await lockAsIssuer(id, unit);
    assertState(before, "CREATED", "ACCEPTED");
    if (before.acceptingTenantId !== null)
      await unit.notify([
        withdrawalNotice(community, before.acceptingTenantId),
      ]);
    await unit.invitationChanges.setState(before, "WITHDRAWN");
    const invitation = await unit.invitations.get(id, "id");
    await unit.record("withdrawInvitation", [stepEntry(invitation, before)]);
    return invitation;
  });
}

/** C5 about an invitation that is there. */
async function lockAsIssuer(
  id: string,
  { communities, members, invitations, invitationChanges }: UnitOfWork,
): Promise<{ before: Invitation; community: Community }> {
  await invitationChanges.lockCommunity({ id });
  await members.lockIdentities([]);
  const before = await invitations.get(id, "id");
  const community = await communities.require(
    "INVITE",
    before.communityId ?? "",
    "id",
  );
  return { before, community };
}

const declinedBefore = (at: string) =>
  conflict(
    "This address has declined an invitation of your tenant, and gets no other. Ask the person by another way, and invite another address.",
    at,
  );
