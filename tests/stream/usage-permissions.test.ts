import { testStreamMatrix } from "./matrix.ts";

testStreamMatrix(
  {
    reads: ({ stream }) =>
      `{ stream(id: "${stream.uuid}") { reads { totalCount } } }`,
    usage: ({ tenants }) =>
      `{ _entities(representations: [{ __typename: "Tenant", id: "${tenants["plant"]?.uuid}" }]) {
           ... on Tenant { usage { given { totalCount } received { totalCount } } } } }`,
  },
  // Rows of DOMAIN.md in the second line; whoever reads another tenant's stream is told its own reads.
  `
                                      reads usage
                                      S8    T4
nobody: anonymous                     U     U
nobody: person without a tenant       N     -
plant: AA, no role                    ok    ok
plant: AA, MEMBER                     ok    ok
plant: DS, no role                    ok    ok
plant: DS, MEMBER                     ok    ok
plant: CONTRIBUTOR, no role           -     -
plant: CONTRIBUTOR, MEMBER            -     -
plant: VIEWER, no role                -     -
plant: VIEWER, MEMBER                 -     -
plant: none, no role                  N     -
plant: none, MEMBER                   N     -
plant: none, MODERATOR                ok    ok
plant: none, ADMINISTRATOR            ok    ok
plant: owner of the stream, no role   -     -
plant: denied by name DS, MEMBER      -     ok
plant: disabled AA, MEMBER            U     U
partner: AA, no role                  N     -
partner: DS, MEMBER                   ok    -
partner: none, MEMBER                 ok    -
partner: none, MODERATOR              ok    -
partner: client, MEMBER               ok    -
partner: disabled client, MEMBER      U     U
partner: removed, MEMBER              U     U
unentitled: AA, MEMBER                N     -
former: AA, was MEMBER                N     -
stranger: AA, not in                  N     -
invited: AA                           N     -
accepted: AA                          N     -
accepted: client AA                   N     -
accepted: DS                          N     -
plant: client VIEWER, no role         -     -
plant: AA and DS, no role             ok    ok
`,
);
