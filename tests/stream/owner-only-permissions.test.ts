import { testStreamMatrix, type World } from "./matrix.ts";

/** A field of the stream that the plant shares. */
const ofStream =
  (fields: string) =>
  ({ stream }: World) =>
    `{ stream(id: "${stream.uuid}") { ${fields} } }`;
/** A field of the plant. */
const ofPlant =
  (fields: string) =>
  ({ tenants }: World) =>
    `{ _entities(representations: [{ __typename: "Tenant", id: "${tenants["plant"]?.uuid}" }]) { ... on Tenant { ${fields} } } }`;

testStreamMatrix(
  {
    readers: ofStream("readers { totalCount }"),
    shares: ofStream("shares { totalCount }"),
    list: ofStream("access { rights }"),
    extrapolation: ofStream("extrapolation"),
    namespaces: ofPlant("namespaces { totalCount }"),
    allShares: ofPlant("shares { totalCount }"),
    given: ofPlant("access { given { totalCount } }"),
  },
  // Rows of DOMAIN.md in the second line.
  `
                                      readers shares list extrapolation namespaces allShares given
                                      S8      T4,S8  S3   S2            T2         T4        T4
nobody: anonymous                     U       U      U    U             U          U         U
nobody: person without a tenant       N       N      N    N             -          -         -
plant: AA, no role                    ok      ok     ok   ok            ok         ok        ok
plant: AA, MEMBER                     ok      ok     ok   ok            ok         ok        ok
plant: DS, no role                    ok      ok     -    ok            ok         ok        ok
plant: DS, MEMBER                     ok      ok     -    ok            ok         ok        ok
plant: CONTRIBUTOR, no role           -       -      -    ok            ok         -         -
plant: CONTRIBUTOR, MEMBER            -       -      -    ok            ok         -         -
plant: VIEWER, no role                -       -      -    ok            ok         -         -
plant: VIEWER, MEMBER                 -       -      -    ok            ok         -         -
plant: none, no role                  N       N      N    N             ok         -         -
plant: none, MEMBER                   N       N      N    N             ok         -         -
plant: none, MODERATOR                ok      ok     -    ok            ok         ok        ok
plant: none, ADMINISTRATOR            ok      ok     -    ok            ok         ok        ok
plant: owner of the stream, no role   -       -      -    ok            ok         -         -
plant: denied by name DS, MEMBER      -       ok     -    ok            ok         ok        ok
plant: disabled AA, MEMBER            U       U      U    U             U          U         U
partner: AA, no role                  N       N      N    N             -          -         -
partner: DS, MEMBER                   -       -      -    -             -          -         -
partner: none, MEMBER                 -       -      -    -             -          -         -
partner: none, MODERATOR              -       -      -    -             -          -         -
partner: client, MEMBER               -       -      -    -             -          -         -
partner: disabled client, MEMBER      U       U      U    U             U          U         U
partner: removed, MEMBER              U       U      U    U             U          U         U
unentitled: AA, MEMBER                N       N      N    N             -          -         -
former: AA, was MEMBER                N       N      N    N             -          -         -
stranger: AA, not in                  N       N      N    N             -          -         -
invited: AA                           N       N      N    N             -          -         -
accepted: AA                          N       N      N    N             -          -         -
accepted: client AA                   N       N      N    N             -          -         -
accepted: DS                          N       N      N    N             -          -         -
plant: client VIEWER, no role         -       -      -    ok            ok         -         -
plant: AA and DS, no role             ok      ok     ok   ok            ok         ok        ok
`,
);
