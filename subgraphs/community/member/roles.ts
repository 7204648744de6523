import type { LedgerEntry } from "../../../common/ledger-store.ts";
import type { NewNotice } from "../../../notices/store.ts";
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
  return [to, isLowered(from, to) ? from : null]
    .filter((role) => role !== null)
    .map((role) => rightOver[role])
    .find((right) => !rights[right].isHeldBy(place));
}

const isLowered = (from: CommunityRole | null, to: CommunityRole | null) =>
  ascending.indexOf(to) < ascending.indexOf(from);

/** One notice for each role that was given or taken: to those who are meant, and to who leads their tenant here. */
export function roleNotices(
  { id, myTenantId }: { id: string; myTenantId: string },
  changes: readonly {
    identityId: string;
    from: CommunityRole | null;
    to: CommunityRole | null;
  }[],
): NewNotice[] {
  const told = changes.map(({ identityId, from, to }) =>
    isLowered(from, to)
      ? { identityId, kind: "ROLE_TAKEN" as const, role: from }
      : { identityId, kind: "ROLE_GIVEN" as const, role: to },
  );
  return (["ROLE_GIVEN", "ROLE_TAKEN"] as const).flatMap((kind) =>
    ascending.flatMap((role) => {
      const identityIds = told
        .filter((each) => each.kind === kind && each.role === role)
        .map(({ identityId }) => identityId);
      return role === null || identityIds.length === 0
        ? []
        : {
            kind,
            communityId: id,
            tenantId: myTenantId,
            identityIds,
            role,
            audience: [
              ...identityIds.map((identityId) => ({ identityId })),
              { role: "MODERATOR" as const, tenantId: myTenantId },
            ],
          };
    }),
  );
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
