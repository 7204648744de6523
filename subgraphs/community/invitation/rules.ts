import { conflict, DomainError, notFound } from "../../../common/errors.ts";
import type { InvitationState } from "../generated.ts";

const maxModerators = 1000;

/** What keeps a tenant from joining a community. */
export type Obstacle = "OWNER" | "MEMBER" | "ACCEPTED";

/** Rule 3, as the accepting side is told it. */
export const ownObstacles: Readonly<Record<Obstacle, string>> = {
  OWNER:
    "Your tenant owns this community. Pass the link on to the company that it is meant for.",
  MEMBER: "Your tenant is in this community already.",
  ACCEPTED:
    "Your tenant has accepted another invitation to this community. Wait for its confirmation, or cancel that acceptance first.",
};

/** The same as the issuing side is told it. */
export const theirObstacles: Readonly<Record<Obstacle, string>> = {
  OWNER: "This tenant owns the community. Withdraw the invitation.",
  MEMBER: "This tenant is in the community already. Withdraw the invitation.",
  ACCEPTED:
    "This tenant has accepted another invitation to the community. Withdraw one of them.",
};

/** What became of an invitation, and what can be done about it. */
const standing: Readonly<Record<InvitationState, string>> = {
  CREATED: "No tenant has accepted this invitation yet.",
  ACCEPTED:
    "A tenant has accepted this invitation, and waits for its confirmation.",
  CONFIRMED: "This invitation is confirmed: the tenant is in the community.",
  DECLINED:
    "This invitation was declined. It takes a new one, to another address.",
  EXPIRED: "This invitation has expired. It takes a new one, or a new link.",
  WITHDRAWN: "This invitation was taken back. It takes a new one.",
  CANCELLED:
    "The tenant took its acceptance of this invitation back. It takes a new one.",
};

export const wrongState = ({ state }: { state: InvitationState }) =>
  conflict(standing[state]);

export function assertState(
  invitation: { state: InvitationState },
  ...wanted: InvitationState[]
): void {
  if (!wanted.includes(invitation.state)) throw wrongState(invitation);
}

export function assertFewModerators(ids: readonly string[]): void {
  if (ids.length > maxModerators)
    throw new DomainError(
      "LIMIT_EXCEEDED",
      `At most ${maxModerators} moderators to begin with; these are ${ids.length}. Appoint the others by setCommunityRoles afterwards.`,
      {
        limit: maxModerators,
        value: ids.length,
        at: "input.moderatorIds",
      },
    );
}

/** Rule 4: they are identities of the accepting tenant, and what it asks of moderators. */
export function assertModerators(
  ids: readonly string[],
  candidates: readonly { id: string; mayModerate: boolean }[],
): void {
  for (const [i, id] of ids.entries()) {
    const at = `input.moderatorIds.${i}`;
    const candidate = candidates.find((one) => one.id === id);
    if (!candidate) throw notFound(at);
    if (!candidate.mayModerate)
      throw new DomainError(
        "FORBIDDEN",
        "Only an account administrator of its tenant can be MODERATOR. Give it that role first, or choose another.",
        { at },
      );
  }
}

export const mayNotAccept =
  "accept an invitation; that takes one user who administers a tenant entitled to communities. Without a tenant, found it by signUpTenant; with several, sign in again and choose one";

export const mayNotDecline =
  "decline this invitation; that is for the person whom it was sent to, and for account administrators";

export const mayNotCancel =
  "cancel this acceptance; that is for account administrators of the tenant that accepted";
