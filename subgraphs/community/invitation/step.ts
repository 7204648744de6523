import type { LedgerEntry } from "../../../common/ledger-store.ts";
import type { InvitationState } from "../generated.ts";

/** An invitation as its ledger entry tells it. */
interface Standing {
  readonly id: string;
  readonly state: InvitationState;
  readonly communityId: string | null;
  readonly ownerTenantId: string | null;
  readonly acceptingTenantId: string | null;
}

/** A step of the handshake concerns the community's owner and, once there is one, the tenant that accepted. */
export const stepEntry = (
  after: Standing,
  before: Standing | null,
): LedgerEntry => ({
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
});
