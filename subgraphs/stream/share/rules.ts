import { badInput, forbidden, limitExceeded } from "../../../common/errors.ts";
import { hasRole, type Caller } from "../access/caller.ts";
import { includes } from "../access/rights.ts";

/** The own tenant's place in a community, and the caller's there. */
export interface Participation {
  readonly communityId: string;
  readonly membershipRowId: number;
  /** Null for an account administrator who does not take part. */
  readonly role: string | null;
}

/** A stream as far as these rules go. */
interface Subject {
  readonly id: string;
  readonly isOwn: boolean;
  /** The caller's, as a sum. */
  readonly rights: number;
}

const maxPairs = 10_000;

/** T4: all shares of the tenant, or those of the communities that the caller leads. */
export const seesShares = (caller: Caller): boolean =>
  hasRole(caller, "ACCOUNT_ADMINISTRATOR", "DATA_STEWARD") || caller.leads;

/** S4: beside the right on each stream, a part in each community and the tenant's entitlement. */
export function assertMayShareIn(
  participations: readonly Participation[],
  { isEntitled }: Caller,
): void {
  for (const { communityId, role } of participations)
    if (role === null)
      throw forbidden(
        `You may not share in community ${communityId}: you do not take part in it. Ask one of its moderators in your tenant.`,
      );
  if (!isEntitled)
    throw forbidden(
      "Your tenant is not entitled to use communities. Ask the operator of this installation.",
    );
}

/** S4, S5: `roles` are the caller's in the communities in which the stream's shares are to end. */
export function assertMayEnd(
  caller: Caller,
  stream: Subject,
  roles: readonly (string | null)[],
): void {
  if (!mayEnd(caller, stream, roles))
    throw forbidden(
      `You may not end the shares of stream ${stream.id}: that takes the right SHARE on it and a part in the community, or to lead the community, or to be account administrator.`,
    );
}

function mayEnd(
  caller: Caller,
  { isOwn, rights }: Subject,
  roles: readonly (string | null)[],
): boolean {
  if (!isOwn) return false;
  if (hasRole(caller, "ACCOUNT_ADMINISTRATOR")) return true;
  const mayShare = includes(rights, "SHARE");
  if (roles.length === 0) return mayShare || caller.leads;
  return roles.every(
    (role) => role !== null && (mayShare || role !== "MEMBER"),
  );
}

export function assertPairs(
  streamIds: readonly string[],
  communityIds: readonly string[] | null,
): void {
  if (streamIds.length === 0)
    throw badInput("Name at least one stream.", "input.streamIds");
  if (communityIds?.length === 0)
    throw badInput("Name at least one community.", "input.communityIds");
  const pairs = streamIds.length * (communityIds?.length ?? 1);
  if (pairs > maxPairs)
    throw limitExceeded(
      "pairs of a stream and a community a call",
      maxPairs,
      pairs,
      "Divide them among several calls.",
      "input",
    );
}
