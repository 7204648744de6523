import { testStreamMatrix, type World } from "../stream/matrix.ts";

const window = `window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }`;

const read =
  (field: string) =>
  ({ stream }: World) =>
    `{ stream(id: "${stream.uuid}") { ${field} { rowCount values } } }`;

/** Every way of reading a series, by the name of its column below. */
const operations = {
  calculated: read(`events(${window}, boundary: EXACT_OR_CALCULATED)`),
  filtered: read(`events(${window}, filter: "value > 0")`),
  interpolated: read(`interpolated(${window}, count: 3)`),
  summaries: read(`summaries(${window}, count: 3)`),
  plot: read(`plot(${window}, width: 3)`),
  lttb: read(`lttb(${window}, points: 3)`),
  many: ({ stream }: World) =>
    `{ streamEvents(ids: ["${stream.uuid}"], ${window}) { rowCount } }`,
  sums: ({ stream }: World) =>
    `{ streamSummaries(ids: ["${stream.uuid}"], ${window}, count: 1) { rowCount } }`,
  join: ({ stream }: World) =>
    `{ streamJoin(ids: ["${stream.uuid}"], ${window}, mode: OUTER) { rowCount } }`,
  last: ({ stream }: World) =>
    `{ streamLast(ids: ["${stream.uuid}"]) { rowCount values } }`,
  trend: ({ stream }: World) =>
    `{ trend(input: { streamIds: ["${stream.uuid}"], ${window}, width: 3 }) { rowCount } }`,
  remove: ({ stream: { uuid } }: World) =>
    `mutation { writeEvents(input: { mode: UPSERT, streams: [{ streamId: "${uuid}", timestamps: ["2026-01-01T00:00:00Z"], values: [1] }] }) { eventCount } ` +
    `removeEvents(input: { streams: [{ streamId: "${uuid}", timestamps: ["2026-01-01T00:00:00Z"] }] }) { eventCount } }`,
};

/** Rows of DOMAIN.md in the second line. */
const table = `
                                      calculated filtered interpolated summaries plot  lttb remove many  sums  join  trend  last
                                      S2,S6      S2,S6    S2,S6        S2,S6     S2,S6 S2,S6 S1,S7 S2,S6 S2,S6 S2,S6 S2,S6 S2,S6
nobody: anonymous                     U          U        U            U         U     U    U     U     U     U    U    U
nobody: person without a tenant       N          N        N            N         N     N    N     N     N     N    N    N
plant: AA, no role                    ok         ok       ok           ok        ok    ok   ok     ok    ok    ok    ok    ok
plant: AA, MEMBER                     ok         ok       ok           ok        ok    ok   ok     ok    ok    ok    ok    ok
plant: DS, no role                    ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
plant: DS, MEMBER                     ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
plant: CONTRIBUTOR, no role           ok         ok       ok           ok        ok    ok   ok     ok    ok    ok    ok    ok
plant: CONTRIBUTOR, MEMBER            ok         ok       ok           ok        ok    ok   ok     ok    ok    ok    ok    ok
plant: VIEWER, no role                ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
plant: VIEWER, MEMBER                 ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
plant: none, no role                  N          N        N            N         N     N    N     N     N     N    N    N
plant: none, MEMBER                   N          N        N            N         N     N    N     N     N     N    N    N
plant: none, MODERATOR                F          F        F            F         F     F    F     F     F     F    F    F
plant: none, ADMINISTRATOR            F          F        F            F         F     F    F     F     F     F    F    F
plant: owner of the stream, no role   ok         ok       ok           ok        ok    ok   ok     ok    ok    ok    ok    ok
plant: denied by name DS, MEMBER      F          F        F            F         F     F    F     F     F     F    F    F
plant: disabled AA, MEMBER            U          U        U            U         U     U    U     U     U     U    U    U
partner: AA, no role                  N          N        N            N         N     N    N     N     N     N    N    N
partner: DS, MEMBER                   ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
partner: none, MEMBER                 ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
partner: none, MODERATOR              ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
partner: client, MEMBER               ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
partner: disabled client, MEMBER      U          U        U            U         U     U    U     U     U     U    U    U
partner: removed, MEMBER              U          U        U            U         U     U    U     U     U     U    U    U
unentitled: AA, MEMBER                N          N        N            N         N     N    N     N     N     N    N    N
former: AA, was MEMBER                N          N        N            N         N     N    N     N     N     N    N    N
stranger: AA, not in                  N          N        N            N         N     N    N     N     N     N    N    N
invited: AA                           N          N        N            N         N     N    N     N     N     N    N    N
accepted: AA                          N          N        N            N         N     N    N     N     N     N    N    N
accepted: client AA                   N          N        N            N         N     N    N     N     N     N    N    N
accepted: DS                          N          N        N            N         N     N    N     N     N     N    N    N
plant: client VIEWER, no role         ok         ok       ok           ok        ok    ok   F     ok    ok    ok    ok    ok
plant: AA and DS, no role             ok         ok       ok           ok        ok    ok   ok     ok    ok    ok    ok    ok
`;

testStreamMatrix(operations, table);
