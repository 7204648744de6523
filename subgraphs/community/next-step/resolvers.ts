import type { CommunityContext } from "../context.ts";
import type { NextStepKind, Resolvers } from "../generated.ts";
import { stepsFrom } from "./steps.ts";

export const resolvers = {
  Viewer: {
    nextSteps: async (_, __, context) =>
      stepsFrom(
        await stepsOutside(context),
        await context.nextSteps.inCommunities(),
      ),
  },
  NextStep: {
    community: ({ communityId }, _, { communities }) =>
      communityId === null ? null : communities.find(communityId),
  },
} satisfies Resolvers<CommunityContext>;

/** What the caller may do beyond the communities that it sees, by the rules that guard it: C6 and C1. */
async function stepsOutside({
  communities,
  invitations,
  nextSteps,
}: CommunityContext): Promise<NextStepKind[]> {
  const isAddressed =
    (await nextSteps.isAddressed()) && (await invitations.accepter()) !== null;
  const isAlone =
    (await nextSteps.isTenantAlone()) && (await communities.founder()) !== null;
  return [
    ...(isAddressed ? (["ACCEPT_INVITATION"] as const) : []),
    ...(isAlone ? (["CREATE_COMMUNITY"] as const) : []),
  ];
}
