import { testCommunityMatrix, type Target } from "./matrix.ts";

const ofCommunity =
  (fields: string) =>
  ({ community }: Target) =>
    `{ community(id: "${community.uuid}") { ${fields} } }`;
/** Of the caller's own tenant, or the one of the member tenant. */
const ofTenant =
  (which: (target: Target) => { uuid: string }, fields: string) =>
  (target: Target) =>
    `{ _entities(representations: [{ __typename: "Tenant", id: "${which(target).uuid}" }]) { ... on Tenant { ${fields} } } }`;

testCommunityMatrix(
  {
    ledger: ofCommunity("ledger { totalCount }"),
    invitations: ofCommunity("invitations { totalCount }"),
    members: ofCommunity("membership { members { totalCount } }"),
    newTenantsRead: ofCommunity("membership { newTenantsRead }"),
    "own ledger": ofTenant(({ own }) => own, "ledger { totalCount }"),
    "foreign ledger": ofTenant(
      ({ tenants }) => tenants.third,
      "ledger { totalCount }",
    ),
  },
  // Rows of DOMAIN.md in the second line.
  `
                                  ledger invitations members newTenantsRead own_ledger foreign_ledger
                                  C17    C5          C11     C12            T4         T4
nobody: anonymous                 U      U           U       U              U          U
nobody: person without a tenant   N      N           N       N              -          -
owner: user, ADMINISTRATOR        ok     ok          ok      ok             ok         -
owner: user, MODERATOR            ok     -           ok      ok             ok         -
owner: user, MEMBER               -      -           ok      ok             -          -
owner: client, MEMBER             -      -           ok      ok             -          -
owner: AA, no role                -      -           -       ok             ok         -
owner: DS, no role                N      N           N       N              ok         -
owner: CONTRIBUTOR, no role       N      N           N       N              -          -
owner: VIEWER, no role            N      N           N       N              -          -
owner: client AA, no role         -      -           -       ok             ok         -
owner: disabled client, MEMBER    U      U           U       U              U          U
member: user, MODERATOR           ok     -           ok      ok             ok         -
member: user, MEMBER              -      -           ok      ok             -          -
member: client, MEMBER            -      -           ok      ok             -          -
member: AA, no role               -      -           -       ok             ok         -
member: AA, MEMBER                -      -           ok      ok             ok         -
member: client AA, no role        -      -           -       ok             ok         -
member: DS, no role               N      N           N       N              ok         -
member: removed user, MODERATOR   U      U           U       U              U          U
member: disabled client, MODERATOR U     U           U       U              U          U
former: AA, was MODERATOR         N      N           N       N              ok         -
former: user, was MEMBER          N      N           N       N              -          -
stranger: AA, not in              N      N           N       N              ok         -
unentitled: AA, MODERATOR         ok     -           ok      ok             ok         -
unentitled: user, MEMBER          -      -           ok      ok             -          -
invited: AA                       N      N           N       N              -          -
accepted: AA                      N      N           N       N              -          -
accepted: client AA               N      N           N       N              -          -
accepted: DS                      N      N           N       N              -          -
`,
);
