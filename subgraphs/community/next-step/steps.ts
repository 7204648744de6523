import { rightsOf, type Place } from "../community/rights.ts";
import type { CommunityRight, NextStepKind } from "../generated.ts";

/** Something that a caller can usefully do now. */
export interface NextStep {
  readonly kind: NextStepKind;
  /** Null for a step outside of the communities that the caller sees. */
  readonly communityId: string | null;
  readonly sentence: string;
}

/** A community, with the caller's place in it, and what is left to do there, whoever may do it. */
export interface Openings extends Place {
  readonly communityId: string;
  readonly name: string;
  readonly openings: readonly NextStepKind[];
}

interface Step {
  /** What it takes in the community; a step outside of all has none. */
  readonly right?: CommunityRight;
  readonly sentence: (community: string) => string;
}

/** The most urgent first. */
const steps: Readonly<Record<NextStepKind, Step>> = {
  CONFIRM_INVITATION: {
    right: "CONFIRM",
    sentence: (community) =>
      `A tenant has accepted its invitation to ${community}. See who it is, and confirm it.`,
  },
  ACCEPT_INVITATION: {
    sentence: () =>
      "An invitation to a community was sent to your e-mail address. Open the link in that e-mail to see and accept it.",
  },
  ANSWER_OWNERSHIP_OFFER: {
    right: "ACCEPT_OWNERSHIP",
    sentence: (community) =>
      `Your tenant is offered the ownership of ${community}. Accept or decline it.`,
  },
  APPROVE_NEW_TENANT: {
    right: "APPROVE_NEW_TENANTS",
    sentence: (community) =>
      `A new tenant in ${community} waits to read what your tenant shares there. Approve or refuse it.`,
  },
  APPOINT_ADMINISTRATOR: {
    right: "APPOINT_ADMINISTRATORS",
    sentence: (community) =>
      `Nobody of your tenant administers ${community} any more. Appoint an administrator.`,
  },
  APPOINT_MODERATOR: {
    right: "APPOINT_MODERATORS",
    sentence: (community) =>
      `Nobody of your tenant looks after ${community}. Appoint a moderator.`,
  },
  RESUME_SHARING: {
    right: "PAUSE_SHARING",
    sentence: (community) =>
      `What your tenant shares in ${community} is paused. Resume it when partners are to read it again.`,
  },
  INVITE_TENANT: {
    right: "INVITE",
    sentence: (community) =>
      `Your tenant is alone in ${community}. Invite a partner.`,
  },
  ADD_MEMBERS: {
    right: "MANAGE_MEMBERS",
    sentence: (community) =>
      `Only those who look after ${community} take part in it for your tenant. Add the colleagues who are to read there.`,
  },
  SHARE_STREAMS: {
    right: "SHARE_STREAMS",
    sentence: (community) =>
      `Your tenant shares nothing in ${community} yet. Share first streams.`,
  },
  ADD_CLIENTS: {
    right: "MANAGE_MEMBERS",
    sentence: (community) =>
      `No program of your tenant reads in ${community} yet. Create a client, and add it.`,
  },
  CREATE_COMMUNITY: {
    sentence: () =>
      "Your tenant is in no community yet. Create one, and invite a partner.",
  },
};

const kinds = Object.keys(steps) as NextStepKind[];
export const maxSteps = 20;

/** What of all this the caller may do, by the rights that guard it. */
export function stepsFrom(
  outside: readonly NextStepKind[],
  communities: readonly Openings[],
): NextStep[] {
  return kinds
    .flatMap((kind) => [
      ...(outside.includes(kind)
        ? [{ kind, communityId: null, sentence: steps[kind].sentence("") }]
        : []),
      ...communities
        .filter((place) => isOpen(kind, place))
        .map(({ communityId, name }) => ({
          kind,
          communityId,
          sentence: steps[kind].sentence(name),
        })),
    ])
    .slice(0, maxSteps);
}

function isOpen(kind: NextStepKind, place: Openings): boolean {
  const { right } = steps[kind];
  return (
    right !== undefined &&
    place.openings.includes(kind) &&
    rightsOf(place).includes(right)
  );
}
