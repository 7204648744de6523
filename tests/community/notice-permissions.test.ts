import { testCommunityMatrix } from "./matrix.ts";

testCommunityMatrix(
  { notices: () => "{ viewer { notices { totalCount nodes { id text } } } }" },
  `
                                  notices
                                  T2
nobody: anonymous                 U
nobody: person without a tenant   - 
owner: user, ADMINISTRATOR        ok
owner: user, MODERATOR            ok
owner: user, MEMBER               ok
owner: client, MEMBER             ok
owner: AA, no role                ok
owner: DS, no role                ok
owner: CONTRIBUTOR, no role       ok
owner: VIEWER, no role            ok
owner: client AA, no role         ok
owner: disabled client, MEMBER    U
member: user, MODERATOR           ok
member: user, MEMBER              ok
member: client, MEMBER            ok
member: AA, no role               ok
member: AA, MEMBER                ok
member: client AA, no role        ok
member: DS, no role               ok
member: removed user, MODERATOR   U
member: disabled client, MODERATOR U
former: AA, was MODERATOR         ok
former: user, was MEMBER          ok
stranger: AA, not in              ok
unentitled: AA, MODERATOR         ok
unentitled: user, MEMBER          ok
invited: AA                       ok
accepted: AA                      ok
accepted: client AA               ok
accepted: DS                      ok
`,
);
