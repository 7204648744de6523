import { testCommunityMatrix, type Target } from "./matrix.ts";

const ofThird = (mutation: string) => (target: Target) =>
  `mutation { ${mutation}(communityId: "${target.community.uuid}", tenantId: "${target.tenants.third.uuid}") { id } }`;

const operations: Record<string, (target: Target) => string> = {
  approve: ofThird("approveNewTenant"),
  refuse: ofThird("refuseNewTenant"),
};

testCommunityMatrix(
  operations,
  `
                                  approve refuse
                                  C18     C18
nobody: anonymous                 U       U
nobody: person without a tenant   N       N
owner: user, ADMINISTRATOR        ok      ok
owner: user, MODERATOR            ok      ok
owner: user, MEMBER               F       F
owner: client, MEMBER             F       F
owner: AA, no role                ok      ok
owner: DS, no role                N       N
owner: CONTRIBUTOR, no role       N       N
owner: VIEWER, no role            N       N
owner: client AA, no role         ok      ok
owner: disabled client, MEMBER    U       U
member: user, MODERATOR           ok      ok
member: user, MEMBER              F       F
member: client, MEMBER            F       F
member: AA, no role               ok      ok
member: AA, MEMBER                ok      ok
member: client AA, no role        ok      ok
member: DS, no role               N       N
member: removed user, MODERATOR   U       U
member: disabled client, MODERATOR U      U
former: AA, was MODERATOR         N       N
former: user, was MEMBER          N       N
stranger: AA, not in              N       N
unentitled: AA, MODERATOR         ok      ok
unentitled: user, MEMBER          F       F
invited: AA                       N       N
accepted: AA                      N       N
accepted: client AA               N       N
accepted: DS                      N       N
`,
);
