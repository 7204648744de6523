import { testStreamMatrix, type MatrixCaller, type World } from "./matrix.ts";

const window = `{ from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }`;

const pair = ({ stream, viewers }: World, identity: MatrixCaller) =>
  `(streamId: "${stream.uuid}", identityId: "${viewers[identity].identityId ?? stream.uuid}")`;

/** What is tried, by the name of its column below. */
const operations: Record<
  string,
  (world: World, caller: MatrixCaller) => string
> = {
  viewer: () => `{ viewer { streams { nodes { id } } } }`,
  streams: () => `{ streams { nodes { id } } }`,
  stream: ({ stream }) => `{ stream(id: "${stream.uuid}") { id } }`,
  events: ({ stream }) =>
    `{ stream(id: "${stream.uuid}") { events(window: ${window}) { rowCount } } }`,
  type: ({ typeId }) => `{ streamType(id: "${typeId}") { id } }`,
  explainSelf: (world, caller) =>
    `{ explainAccess${pair(world, caller)} { rights } }`,
  explainOther: (world, caller) =>
    `{ explainAccess${pair(world, caller.startsWith("partner") ? "partner: AA, no role" : "plant: VIEWER, no role")} { rights } }`,
  namespace: ({ namespaceId }) => `{ namespace(id: "${namespaceId}") { id } }`,
  newNamespace: () =>
    `mutation { createNamespace(input: { name: "New" }) { id } }`,
  newType: ({ namespaceId }) =>
    `mutation { createStreamType(input: { namespaceId: "${namespaceId}", name: "New", properties: [{ name: "value", kind: FLOAT }] }) { id } }`,
  newStream: ({ namespaceId, typeId }) =>
    `mutation { createStream(input: { namespaceId: "${namespaceId}", typeId: "${typeId}", externalId: "new" }) { id } }`,
  update: ({ stream }) =>
    `mutation { updateStream(input: { id: "${stream.uuid}", name: "Renamed" }) { id } }`,
  access: ({ stream }) =>
    `mutation { setStreamAccess(input: { streamIds: ["${stream.uuid}"], access: [{ rights: [READ], role: VIEWER }] }) { applied } }`,
  write: ({ stream }) =>
    `mutation { writeEvents(input: { mode: INSERT, streams: [{ streamId: "${stream.uuid}", timestamps: ["2026-01-01T00:00:00Z"], values: [1] }] }) { eventCount } }`,
  share: ({ stream, otherCommunity }) =>
    `mutation { shareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${otherCommunity.uuid}"] }) { id } }`,
  unshare: ({ stream, community }) =>
    `mutation { unshareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${community.uuid}"] }) { applied } }`,
  unshareAll: ({ stream }) =>
    `mutation { unshareStreams(input: { streamIds: ["${stream.uuid}"] }) { applied } }`,
};

/** Rows of DOMAIN.md in the second line. */
const table = `
                                      viewer streams stream events type namespace newNamespace newType newStream update access write share unshare unshareAll explainSelf explainOther
                                      T2     S2,S6   S2,S6  S2,S6  T2   T2        S1           S1      S1        S1,S7  S3,S7  S1,S7 S4,S7 S4,S5   S4,S5      T2          T4
nobody: anonymous                     U      U       U      U      U    U         U            U       U         U      U      U     U     U       U          U           U
nobody: person without a tenant       -      ok      N      N      N    N         F            N       N         N      N      N     N     N       N          N           N
plant: AA, no role                    ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     ok     ok    F     ok      ok         ok          ok
plant: AA, MEMBER                     ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     ok     ok    F     ok      ok         ok          ok
plant: DS, no role                    ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     N     N       F          ok          ok
plant: DS, MEMBER                     ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     ok    ok      ok         ok          ok
plant: CONTRIBUTOR, no role           ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     F      ok    F     N       F          ok          F
plant: CONTRIBUTOR, MEMBER            ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     F      ok    F     F       F          ok          F
plant: VIEWER, no role                ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     F     N       F          ok          ok
plant: VIEWER, MEMBER                 ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     F     F       F          ok          F
plant: none, no role                  ok     ok      N      N      ok   ok        F            F       F         N      N      N     N     N       N          N           F
plant: none, MEMBER                   ok     ok      N      N      ok   ok        F            F       F         N      N      N     N     N       N          N           F
plant: none, MODERATOR                ok     ok      ok     F      ok   ok        F            F       F         F      F      F     F     ok      ok         ok          F
plant: none, ADMINISTRATOR            ok     ok      ok     F      ok   ok        F            F       F         F      F      F     F     ok      ok         ok          F
plant: owner of the stream, no role   ok     ok      ok     ok     ok   ok        F            F       F         ok     F      ok    F     N       F          ok          F
plant: denied by name DS, MEMBER      ok     ok      ok     F      ok   ok        F            F       F         F      F      F     F     F       F          ok          ok
plant: disabled AA, MEMBER            U      U       U      U      U    U         U            U       U         U      U      U     U     U       U          U           U
partner: AA, no role                  ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
partner: DS, MEMBER                   ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F          ok          ok
partner: none, MEMBER                 ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F          ok          F
partner: none, MODERATOR              ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F          ok          F
partner: client, MEMBER               ok     ok      ok     ok     ok   N         F            N       N         F      F      F     F     F       F          ok          F
partner: disabled client, MEMBER      U      U       U      U      U    U         U            U       U         U      U      U     U     U       U          U           U
partner: removed, MEMBER              U      U       U      U      U    U         U            U       U         U      U      U     U     U       U          U           U
unentitled: AA, MEMBER                ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
former: AA, was MEMBER                ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
stranger: AA, not in                  ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
invited: AA                           ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
accepted: AA                          ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
accepted: client AA                   ok     ok      N      N      N    N         ok           N       N         N      N      N     N     N       N          N           N
accepted: DS                          ok     ok      N      N      N    N         F            N       N         N      N      N     N     N       N          N           N
plant: client VIEWER, no role         ok     ok      ok     ok     ok   ok        F            F       F         F      F      F     F     N       F          ok          F 
plant: AA and DS, no role             ok     ok      ok     ok     ok   ok        ok           ok      ok        ok     ok     ok    F     ok      ok         ok          ok
`;

testStreamMatrix(operations, table);
