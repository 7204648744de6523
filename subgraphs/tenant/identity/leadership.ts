import type { NewNotice } from "../../../notices/store.ts";

/** A community that an identity leads as MODERATOR or ADMINISTRATOR. */
export interface LedPlace {
  readonly communityId: string;
  readonly role: string;
  /** Whether nobody else of its tenant can act in the role that the tenant needs there (rule 5). */
  readonly isLastEffective: boolean;
}

/**
 * What a change of one identity means for the communities that it led before. Its co-leaders are told where it has no
 * role any more; where nobody else is effective (rule 5), its tenant's administrators, who can appoint somebody.
 */
export function leadershipNotices(
  { tenantId, identityId }: { tenantId: string; identityId: string },
  before: readonly LedPlace[],
  after: readonly LedPlace[],
): NewNotice[] {
  const still = new Map(after.map((place) => [place.communityId, place]));
  return before.flatMap(({ communityId, role, isLastEffective }) => {
    const now = still.get(communityId);
    const told = { communityId, tenantId, role };
    return [
      now === undefined && {
        ...told,
        kind: "ROLE_TAKEN" as const,
        identityIds: [identityId],
        audience: [{ role: "MODERATOR" as const, tenantId }],
      },
      isLastEffective &&
        !now?.isLastEffective && {
          ...told,
          kind: "APPOINTMENT_WANTED" as const,
          audience: [{ role: "ACCOUNT_ADMINISTRATOR" as const, tenantId }],
        },
    ].filter((notice) => notice !== false);
  });
}
