import { conflict } from "../../../common/errors.ts";
import type { Community } from "../community/store.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type { ConfirmInvitationInput } from "../generated.ts";
import type { Membership } from "../membership/store.ts";
import type { Acceptance, Candidate } from "./change-store.ts";
import { assertState, theirObstacles } from "./rules.ts";
import { stepEntry } from "./step.ts";
import type { Invitation } from "./store.ts";

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
        `It was ${before.acceptedByEmail ?? "somebody with no proven e-mail"} who accepted, and the invitation went to ${before.email}. Make sure who that is, then confirm with acceptMismatch: true.`,
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
  await unit.record(
    "confirmInvitation",
    [
      stepEntry(invitation, before),
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
    [
      {
        id: membership.id,
        name: acceptance.alias,
        email: acceptance.contactEmail,
      },
    ],
  );
  return membership.id;
}
