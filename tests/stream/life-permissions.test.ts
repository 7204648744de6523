import { testStreamMatrix, type World } from "./matrix.ts";

testStreamMatrix(
  {
    remove: ({ stream }: World) =>
      `mutation { deleteStream(id: "${stream.uuid}") }`,
    removeMany: ({ stream }: World) =>
      `mutation { deleteStreams(input: { streamIds: ["${stream.uuid}"] }) { applied } }`,
  },
  // Rows of DOMAIN.md in the second line.
  `
                                      remove removeMany
                                      S1,S7  S1,S7
nobody: anonymous                     U      U
nobody: person without a tenant       N      N
plant: AA, no role                    ok     ok
plant: AA, MEMBER                     ok     ok
plant: DS, no role                    F      F
plant: DS, MEMBER                     F      F
plant: CONTRIBUTOR, no role           ok     ok
plant: CONTRIBUTOR, MEMBER            ok     ok
plant: VIEWER, no role                F      F
plant: VIEWER, MEMBER                 F      F
plant: none, no role                  N      N
plant: none, MEMBER                   N      N
plant: none, MODERATOR                F      F
plant: none, ADMINISTRATOR            F      F
plant: owner of the stream, no role   ok     ok
plant: denied by name DS, MEMBER      F      F
plant: disabled AA, MEMBER            U      U
partner: AA, no role                  N      N
partner: DS, MEMBER                   F      F
partner: none, MEMBER                 F      F
partner: none, MODERATOR              F      F
partner: client, MEMBER               F      F
partner: disabled client, MEMBER      U      U
partner: removed, MEMBER              U      U
unentitled: AA, MEMBER                N      N
former: AA, was MEMBER                N      N
stranger: AA, not in                  N      N
invited: AA                           N      N
accepted: AA                          N      N
accepted: client AA                   N      N
accepted: DS                          N      N
plant: client VIEWER, no role         F      F
plant: AA and DS, no role             ok     ok
`,
);
