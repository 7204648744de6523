import { conflict, forbidden, rateLimited } from "../../../common/errors.ts";
import type { LedgerEntry, LedgerName } from "../../../common/ledger-store.ts";
import { emailFrom } from "../../../common/text.ts";
import type { Community } from "../community/store.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  AcceptInvitationInput,
  ConfirmInvitationInput,
  InviteTenantInput,
  MutationCancelAcceptanceArgs,
  MutationDeclineInvitationArgs,
  MutationResendInvitationArgs,
  MutationWithdrawInvitationArgs,
} from "../generated.ts";
import { aliasFrom } from "../membership/contact.ts";
import type { Membership } from "../membership/store.ts";
import type { Acceptance, Candidate } from "./change-store.ts";
import { letter, letterLimit, messageFrom } from "./letter.ts";
import { createInvitationLink } from "./link.ts";
import { withdrawalNotice } from "./notices.ts";
import {
  assertFewModerators,
  assertModerators,
  assertState,
  mayNotAccept,
  mayNotCancel,
  mayNotDecline,
  ownObstacles,
  theirObstacles,
  wrongState,
} from "./rules.ts";
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
    await recordStep("inviteTenant", invitation, null, unit, [{ id, email }]);
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
    await recordStep("resendInvitation", invitation, before, unit);
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
    return advance("withdrawInvitation", before, "WITHDRAWN", unit);
  });
}

/** A person whose token names no identity yet acts as the user that it has been made. */
export async function acceptInvitation(
  { token, moderatorIds, newTenantsRead, ...input }: AcceptInvitationInput,
  { settings, invitations, inTransaction }: CommunityContext,
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
      await recordStep("acceptInvitation", invitation, before, unit, [
        { id: accepter.id, name: accepter.name, email: accepter.email },
      ]);
      return invitation;
    },
    { identityId: user.id, person: null },
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
    await recordStep("declineInvitation", invitation, before, unit);
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
    return advance("cancelAcceptance", before, "CANCELLED", unit);
  });
}

/** C7: the one way in which a tenant comes to be in another's community. */
export async function confirmInvitation(
  { id, tenantId, acceptMismatch }: ConfirmInvitationInput,
  { memberships, inTransaction }: CommunityContext,
): Promise<Membership | null> {
  const membershipId = await inTransaction(async (unit) => {
    const { communities, invitations, invitationChanges } = unit;
    await invitationChanges.lockCommunity({ id });
    const acceptance = await invitationChanges.acceptance(id);
    const candidates =
      acceptance === null
        ? []
        : await invitationChanges.lockCandidates(
            acceptance.tenantRowId,
            acceptance.moderatorIds,
          );
    const before = await invitations.get(id, "input.id");
    const community = await communities.require(
      "CONFIRM",
      before.communityId ?? "",
      "input.id",
    );
    assertState(before, "ACCEPTED");
    if (acceptance === null)
      throw new Error(`The accepted invitation ${id} has no acceptance.`);
    if (acceptance.tenantId !== tenantId)
      throw conflict(
        "Another tenant has accepted this invitation. Look at it again, and confirm the tenant that it names.",
        "input.tenantId",
      );
    if (!before.acceptedByAddressee && !acceptMismatch)
      throw conflict(
        `It was ${before.acceptedByEmail} who accepted, and the invitation went to ${before.email}. Make sure who that is, then confirm with acceptMismatch: true.`,
        "input.acceptMismatch",
      );
    const obstacle = await invitationChanges.obstacle(
      before,
      acceptance.tenantRowId,
    );
    if (obstacle !== null) throw conflict(theirObstacles[obstacle], "input.id");
    if (!acceptance.isEntitled)
      throw conflict(
        "This tenant is not entitled to communities any more. Confirm when its operator has granted that again.",
        "input.tenantId",
      );
    const moderators = acceptance.moderatorIds.flatMap(
      (one) =>
        candidates.find(
          (candidate) => candidate.id === one && candidate.mayModerate,
        ) ?? [],
    );
    if (moderators.length === 0)
      throw conflict(
        "Nobody is left in this tenant of those who were to be its moderators. Withdraw the invitation, and invite the tenant anew.",
        "input.tenantId",
      );
    return join(before, community, acceptance, moderators, unit);
  });
  return memberships.find(membershipId);
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

/** Takes an invitation to its end, as one of its sides. */
async function advance(
  action: string,
  before: Invitation,
  state: "WITHDRAWN" | "CANCELLED",
  unit: UnitOfWork,
): Promise<Invitation> {
  await unit.invitationChanges.setState(before, state);
  const invitation = await unit.invitations.get(before.id, "id");
  await recordStep(action, invitation, before, unit);
  return invitation;
}

/** Makes the membership of the tenant that accepted, and its first moderators. */
async function join(
  before: Invitation,
  community: Community,
  acceptance: Acceptance,
  moderators: readonly Candidate[],
  unit: UnitOfWork,
): Promise<string> {
  const { memberships, members, invitations, invitationChanges } = unit;
  const { tenantId, tenantRowId, acceptedBy } = acceptance;
  await invitationChanges.setState(before, "CONFIRMED");
  const membership = await memberships.add(
    community.rowId,
    tenantRowId,
    acceptance,
  );
  await members.set(
    membership.rowId,
    moderators.map(({ rowId }) => ({ rowId, role: "MODERATOR" })),
    acceptedBy,
  );
  const concerned = { communityId: community.id, tenantId };
  await unit.notify([
    {
      ...concerned,
      kind: "INVITATION_CONFIRMED",
      audience: [{ role: "ACCOUNT_ADMINISTRATOR", tenantId }],
    },
    {
      ...concerned,
      kind: "TENANT_JOINED",
      audience: [{ role: "MODERATOR" }],
    },
    ...membership.askedTenantIds.map((asked) => ({
      ...concerned,
      kind: "APPROVAL_WANTED" as const,
      audience: [
        { role: "MODERATOR" as const, tenantId: asked },
        { role: "ACCOUNT_ADMINISTRATOR" as const, tenantId: asked },
      ],
    })),
  ]);
  const invitation = await invitations.get(before.id, "input.id");
  await recordStep(
    "confirmInvitation",
    invitation,
    before,
    unit,
    [
      {
        id: membership.id,
        name: acceptance.alias,
        email: acceptance.contactEmail,
      },
    ],
    [
      {
        kind: "MEMBERSHIP",
        subjectType: "Membership",
        subjectId: membership.id,
        tenantIds: null,
        communityId: community.id,
        after: { tenantId, status: "ACTIVE" },
      },
      ...moderators.map(({ id }) => ({
        kind: "ROLE" as const,
        subjectType: "Identity",
        subjectId: id,
        tenantIds: [tenantId],
        communityId: community.id,
        after: { role: "MODERATOR" },
      })),
    ],
  );
  return membership.id;
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

/** A step of the handshake concerns the community's owner and, once there is one, the tenant that accepted. */
const recordStep = (
  action: string,
  after: Invitation,
  before: Invitation | null,
  { record }: UnitOfWork,
  names: readonly LedgerName[] = [],
  entries: readonly LedgerEntry[] = [],
) =>
  record(
    action,
    [
      {
        kind: "INVITATION",
        subjectType: "Invitation",
        subjectId: after.id,
        tenantIds: [
          after.ownerTenantId,
          after.acceptingTenantId ?? before?.acceptingTenantId,
        ].filter((id) => id != null),
        ...(after.communityId !== null && { communityId: after.communityId }),
        before: before && { state: before.state },
        after: {
          state: after.state,
          ...(after.acceptingTenantId !== null && {
            tenantId: after.acceptingTenantId,
          }),
        },
      },
      ...entries,
    ],
    names,
  );

const declinedBefore = (at: string) =>
  conflict(
    "This address has declined an invitation of your tenant, and gets no other. Ask the person by another way, and invite another address.",
    at,
  );
