import type { LedgerEntry } from "../../../common/ledger-store.ts";
import { rights, type Place, type RightName } from "../community/rights.ts";
import type { CommunityRole } from "../generated.ts";

/** The right that giving or taking each role asks for. */
const rightOver: Record<CommunityRole, RightName> = {
  MEMBER: "MANAGE_MEMBERS",
  MODERATOR: "APPOINT_MODERATORS",
  ADMINISTRATOR: "APPOINT_ADMINISTRATORS",
};

/** From the least to the greatest; each includes the ones before it, no role none. */
const ascending = [null, "MEMBER", "MODERATOR", "ADMINISTRATOR"] as const;

/** Whether a caller may change any roles at all; which ones, `missingRight` tells. */
export const mayChangeRoles = (place: Place): boolean =>
  Object.values(rightOver).some((right) => rights[right].isHeldBy(place));

/**
 * The right that a caller lacks for turning one role into another, null for none. Who raises somebody needs the right
 * over the new role; who lowers somebody, over the old one as well, for that is taking it.
 */
export function missingRight(
  place: Place,
  from: CommunityRole | null,
  to: CommunityRole | null,
): RightName | undefined {
  const isLowered = ascending.indexOf(to) < ascending.indexOf(from);
  return [to, isLowered ? from : null]
    .filter((role) => role !== null)
    .map((role) => rightOver[role])
    .find((right) => !rights[right].isHeldBy(place));
}

/** Who takes part through one membership, by role. */
export interface MembershipRoles {
  readonly membershipId: string;
  readonly tenantId: string;
  readonly roles: Readonly<Partial<Record<CommunityRole, readonly string[]>>>;
}

/** What the ledger keeps of roles that end with their memberships: an entry a tenant, which concerns no other. */
export const endedRoles = (
  communityId: string,
  memberships: readonly MembershipRoles[],
): LedgerEntry[] =>
  memberships.map(({ membershipId, tenantId, roles }) => ({
    kind: "ROLE",
    subjectType: "Membership",
    subjectId: membershipId,
    tenantIds: [tenantId],
    communityId,
    before: { roles },
  }));
