import { testCommunityMatrix, type Target } from "./matrix.ts";

const operations: Record<string, (target: Target) => string> = {
  updateCommunity: ({ community }) =>
    `mutation { updateCommunity(input: { id: "${community.uuid}", name: "Renamed" }) { id } }`,
  updateMembership: ({ community }) =>
    `mutation { updateMembership(input: { communityId: "${community.uuid}", alias: "Works" }) { id } }`,
};

testCommunityMatrix(
  operations,
  `
                                  updateCommunity updateMembership
                                  C3              C12
nobody: anonymous                 U               U
nobody: person without a tenant   N               N
owner: user, ADMINISTRATOR        ok              ok
owner: user, MODERATOR            F               ok
owner: user, MEMBER               F               F
owner: client, MEMBER             F               F
owner: AA, no role                F               F
owner: DS, no role                N               N
owner: CONTRIBUTOR, no role       N               N
owner: VIEWER, no role            N               N
owner: client AA, no role         F               F
owner: disabled client, MEMBER    U               U
member: user, MODERATOR           F               ok
member: user, MEMBER              F               F
member: client, MEMBER            F               F
member: AA, no role               F               F
member: AA, MEMBER                F               F
member: client AA, no role        F               F
member: DS, no role               N               N
member: removed user, MODERATOR   U               U
member: disabled client, MODERATOR U              U
former: AA, was MODERATOR         N               N
former: user, was MEMBER          N               N
stranger: AA, not in              N               N
unentitled: AA, MODERATOR         F               ok
unentitled: user, MEMBER          F               F
invited: AA                       N               N
accepted: AA                      N               N
accepted: client AA               N               N
accepted: DS                      N               N
`,
);
