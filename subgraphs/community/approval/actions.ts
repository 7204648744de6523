import { conflict } from "../../../common/errors.ts";
import type { CommunityContext, UnitOfWork } from "../context.ts";
import type {
  MutationApproveNewTenantArgs,
  MutationRefuseNewTenantArgs,
} from "../generated.ts";
import type { Membership } from "../membership/store.ts";

/** Of a tenant that reads already it changes nothing. */
export const approveNewTenant = (
  args: MutationApproveNewTenantArgs,
  context: CommunityContext,
): Promise<Membership | null> =>
  decide(
    args,
    context,
    async ({ sharing, newcomer }, { approvals, notify, record }) => {
      const state = await approvals.stateOf(sharing, newcomer);
      if (state === null) return;
      await approvals.approve(sharing, newcomer);
      await notify([
        {
          kind: "APPROVAL_GIVEN",
          communityId: sharing.communityId,
          tenantId: sharing.tenantId,
          audience: [
            { role: "MODERATOR", tenantId: newcomer.tenantId },
            { role: "ACCOUNT_ADMINISTRATOR", tenantId: newcomer.tenantId },
          ],
        },
      ]);
      await record("approveNewTenant", [
        entry(sharing, newcomer, state, "APPROVED"),
      ]);
    },
  );

export const refuseNewTenant = (
  args: MutationRefuseNewTenantArgs,
  context: CommunityContext,
): Promise<Membership | null> =>
  decide(
    args,
    context,
    async ({ sharing, newcomer }, { approvals, record }) => {
      const state = await approvals.stateOf(sharing, newcomer);
      if (state === null)
        throw conflict(
          "This tenant reads already what your tenant shares here. Unshare the streams that it should not read, or pause sharing.",
          "tenantId",
        );
      if (state === "REFUSED") return;
      await approvals.refuse(sharing, newcomer);
      await record("refuseNewTenant", [
        entry(sharing, newcomer, state, "REFUSED"),
      ]);
    },
  );

interface Question {
  readonly sharing: Membership;
  readonly newcomer: Membership;
}

/** Answers the own membership, as it is after the decision. */
async function decide(
  { communityId, tenantId }: MutationApproveNewTenantArgs,
  { memberships, inTransaction }: CommunityContext,
  answer: (question: Question, unit: UnitOfWork) => Promise<void>,
): Promise<Membership | null> {
  const id = await inTransaction(async (unit) => {
    await unit.communities.lock(communityId);
    await unit.memberships.lock(communityId, "MINE");
    await unit.members.lockIdentities([]);
    const { myTenantId } = await unit.communities.require(
      "APPROVE_NEW_TENANTS",
      communityId,
      "communityId",
    );
    const sharing = await unit.memberships.getOf(communityId, myTenantId);
    const newcomer = await unit.memberships.getOf(
      communityId,
      tenantId,
      "tenantId",
    );
    await answer({ sharing, newcomer }, unit);
    return sharing.id;
  });
  return memberships.find(id);
}

/** Who was refused learns nothing of it: the entry concerns the sharing tenant alone. */
const entry = (
  { id, tenantId, communityId }: Membership,
  newcomer: Membership,
  before: string,
  after: string,
) =>
  ({
    kind: "MEMBERSHIP",
    subjectType: "Membership",
    subjectId: id,
    tenantIds: [tenantId],
    communityId,
    before: { newTenantId: newcomer.tenantId, state: before },
    after: { newTenantId: newcomer.tenantId, state: after },
  }) as const;
