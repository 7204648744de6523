import { testStreamMatrix, type World } from "./matrix.ts";

testStreamMatrix(
  {
    remove: ({ stream }: World) =>
      `mutation { deleteStream(id: "${stream.uuid}") }`,
    removeMany: ({ stream }: World) =>
      `mutation { deleteStreams(input: { streamIds: ["${stream.uuid}"] }) { applied } }`,
    updateMany: ({ stream }: World) =>
      `mutation { updateStreams(input: { streams: [{ id: "${stream.uuid}", name: "Renamed" }] }) { id } }`,
    list: ({ namespaceId }: World) =>
      `{ namespace(id: "${namespaceId}") { access { rights } } }`,
    setList: ({ namespaceId }: World) =>
      `mutation { setNamespaceAccess(input: { namespaceId: "${namespaceId}", access: [{ rights: [READ], role: VIEWER }] }) { id } }`,
  },
  // Rows of DOMAIN.md in the second line.
  `
                                      remove removeMany updateMany list setList
                                      S1,S7  S1,S7      S1,S7      S3   S3,S7
nobody: anonymous                     U      U          U          U    U
nobody: person without a tenant       N      N          N          N    N
plant: AA, no role                    ok     ok         ok         ok   ok
plant: AA, MEMBER                     ok     ok         ok         ok   ok
plant: DS, no role                    F      F          F          -    F
plant: DS, MEMBER                     F      F          F          -    F
plant: CONTRIBUTOR, no role           ok     ok         ok         -    F
plant: CONTRIBUTOR, MEMBER            ok     ok         ok         -    F
plant: VIEWER, no role                F      F          F          -    F
plant: VIEWER, MEMBER                 F      F          F          -    F
plant: none, no role                  N      N          N          -    F
plant: none, MEMBER                   N      N          N          -    F
plant: none, MODERATOR                F      F          F          -    F
plant: none, ADMINISTRATOR            F      F          F          -    F
plant: owner of the stream, no role   ok     ok         ok         -    F
plant: denied by name DS, MEMBER      F      F          F          -    F
plant: disabled AA, MEMBER            U      U          U          U    U
partner: AA, no role                  N      N          N          N    N
partner: DS, MEMBER                   F      F          F          N    N
partner: none, MEMBER                 F      F          F          N    N
partner: none, MODERATOR              F      F          F          N    N
partner: client, MEMBER               F      F          F          N    N
partner: disabled client, MEMBER      U      U          U          U    U
partner: removed, MEMBER              U      U          U          U    U
unentitled: AA, MEMBER                N      N          N          N    N
former: AA, was MEMBER                N      N          N          N    N
stranger: AA, not in                  N      N          N          N    N
invited: AA                           N      N          N          N    N
accepted: AA                          N      N          N          N    N
accepted: client AA                   N      N          N          N    N
accepted: DS                          N      N          N          N    N
plant: client VIEWER, no role         F      F          F          -    F
plant: AA and DS, no role             ok     ok         ok         ok   ok
`,
);
