import { describe } from "@jest/globals";
import { testCommunityMatrix, type Target } from "./matrix.ts";

const onCommunity = (mutation: string) => (target: Target) =>
  `mutation { ${mutation}(communityId: "${target.community.uuid}") { id } }`;

describe("of what is offered to nobody,", () => {
  testCommunityMatrix(
    {
      offer: ({ community, tenants }) =>
        `mutation { offerOwnership(communityId: "${community.uuid}", tenantId: "${tenants.third.uuid}") { id } }`,
      withdraw: onCommunity("withdrawOwnershipOffer"),
      decline: onCommunity("declineOwnership"),
    },
    `
                                  offer withdraw decline
                                  C15   C15      C15
nobody: anonymous                 U     U        U
nobody: person without a tenant   N     N        N
owner: user, ADMINISTRATOR        ok    C        F
owner: user, MODERATOR            F     F        F
owner: user, MEMBER               F     F        F
owner: client, MEMBER             F     F        F
owner: AA, no role                F     F        F
owner: DS, no role                N     N        N
owner: CONTRIBUTOR, no role       N     N        N
owner: VIEWER, no role            N     N        N
owner: client AA, no role         F     F        F
owner: disabled client, MEMBER    U     U        U
member: user, MODERATOR           F     F        F
member: user, MEMBER              F     F        F
member: client, MEMBER            F     F        F
member: AA, no role               F     F        F
member: AA, MEMBER                F     F        F
member: client AA, no role        F     F        F
member: DS, no role               N     N        N
member: removed user, MODERATOR   U     U        U
member: disabled client, MODERATOR U    U        U
former: AA, was MODERATOR         N     N        N
former: user, was MEMBER          N     N        N
stranger: AA, not in              N     N        N
unentitled: AA, MODERATOR         F     F        C
unentitled: user, MEMBER          F     F        F
invited: AA                       N     N        N
accepted: AA                      N     N        N
accepted: client AA               N     N        N
accepted: DS                      N     N        N
`,
  );
});

// The only one of them all who is AA and moderator has no entitlement; who has one accepts in ownership.test.ts.
describe("of what is offered to the tenant without entitlement,", () => {
  testCommunityMatrix(
    {
      offer: ({ community, tenants }) =>
        `mutation { offerOwnership(communityId: "${community.uuid}", tenantId: "${tenants.third.uuid}") { id } }`,
      withdraw: onCommunity("withdrawOwnershipOffer"),
      accept: onCommunity("acceptOwnership"),
      decline: onCommunity("declineOwnership"),
    },
    `
                                  offer withdraw accept decline
                                  C15   C15      C15    C15
nobody: anonymous                 U     U        U      U
nobody: person without a tenant   N     N        N      N
owner: user, ADMINISTRATOR        C     ok       F      F
owner: user, MODERATOR            F     F        F      F
owner: user, MEMBER               F     F        F      F
owner: client, MEMBER             F     F        F      F
owner: AA, no role                F     F        F      F
owner: DS, no role                N     N        N      N
owner: CONTRIBUTOR, no role       N     N        N      N
owner: VIEWER, no role            N     N        N      N
owner: client AA, no role         F     F        F      F
owner: disabled client, MEMBER    U     U        U      U
member: user, MODERATOR           F     F        F      F
member: user, MEMBER              F     F        F      F
member: client, MEMBER            F     F        F      F
member: AA, no role               F     F        F      F
member: AA, MEMBER                F     F        F      F
member: client AA, no role        F     F        F      F
member: DS, no role               N     N        N      N
member: removed user, MODERATOR   U     U        U      U
member: disabled client, MODERATOR U    U        U      U
former: AA, was MODERATOR         N     N        N      N
former: user, was MEMBER          N     N        N      N
stranger: AA, not in              N     N        N      N
unentitled: AA, MODERATOR         F     F        C      ok
unentitled: user, MEMBER          F     F        F      F
invited: AA                       N     N        N      N
accepted: AA                      N     N        N      N
accepted: client AA               N     N        N      N
accepted: DS                      N     N        N      N
`,
    undefined,
    async (seed, { community, tenants }) => {
      const { membership } = tenants.unentitled;
      if (membership)
        await seed.offer(community, membership, {
          by: tenants.owner.identities.administrator,
        });
    },
  );
});
